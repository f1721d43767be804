"""A model of PostgREST, not PostgREST: what its documentation and source (versions 12 to 16) say that it does for a call of a function.

Usage: postgrest_model.py CONFIGURATION, which is a file as PostgREST reads it; postgrest_settings.py says what of it. check_*.sh run it,
behind nginx mostly. Modelled are: tokens of HS256, the roles and what ALTER ROLE has set for them, the schemas, the transaction with its
settings and its end, the choice of a function, a body as one unnamed parameter, response.status and response.headers, a pool that has no
connection left or loses one, and the status and body of errors. Not: tables, filters, OpenAPI, other media types than JSON, reloading.
"""

import base64
import hashlib
import hmac
import http.server
import json
import queue
import re
import sys
import threading
import time
import urllib.parse

import postgrest_settings
import psycopg

try:
    settings = postgrest_settings.read(sys.argv[1])
except postgrest_settings.Wrong as wrong:
    sys.exit(str(wrong))


class Refusal(Exception):
    """What is answered without the database."""

    def __init__(self, status, code, message, details=None, hint=None):
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message, "details": details, "hint": hint}


def not_a_number(text):
    raise ValueError(text)


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims_of(header):
    """The claims of a request's token, with the role in them."""
    found = re.fullmatch(r"[Bb]earer +(\S+)", header or "")
    claims = verified(found[1]) if found else {}
    role = claims.get("role", settings["db-anon-role"])
    if role is None:
        raise Refusal(401, "PGRST302", "Anonymous access is disabled")
    return claims | {"role": role}


def verified(token):
    parts = token.split(".")
    if len(parts) != 3:
        raise Refusal(401, "PGRST301", f"Expected 3 parts in JWT; got {len(parts)}")
    try:
        head, claims, signature = json.loads(unpadded(parts[0])), json.loads(unpadded(parts[1])), unpadded(parts[2])
    except ValueError:
        raise Refusal(401, "PGRST301", "JWT couldn't be decoded") from None
    if head.get("alg") != "HS256" or not settings["jwt-secret"]:
        raise Refusal(401, "PGRST301", "Wrong or unsupported encoding algorithm")
    wanted = hmac.digest((settings["jwt-secret"] or "").encode(), f"{parts[0]}.{parts[1]}".encode(), hashlib.sha256)
    if not hmac.compare_digest(wanted, signature):
        raise Refusal(401, "PGRST301", "No suitable key or wrong key type")
    if "exp" in claims and claims["exp"] < time.time() - 30:
        raise Refusal(401, "PGRST303", "JWT expired")
    if "nbf" in claims and claims["nbf"] > time.time() + 30:
        raise Refusal(401, "PGRST303", "JWT not yet valid")
    return claims


def connect():
    # As the driver of PostgREST: each statement is prepared, or none.
    return psycopg.connect(settings["db-uri"], autocommit=True, prepare_threshold=0 if settings["db-prepared-statements"] else None)


def read_functions(connection, schema):
    """The schema cache: functions by name, with names and types of parameters, which of them have a default, and the volatility."""
    rows = connection.execute(
        """
        SELECT p.proname, p.provolatile, p.pronargdefaults,
            coalesce((SELECT array_agg(format_type(t, NULL) ORDER BY i) FROM unnest(p.proargtypes) WITH ORDINALITY a (t, i)), '{}'),
            coalesce(p.proargnames, array_fill(''::text, ARRAY[p.pronargs]))
        FROM pg_proc p WHERE p.pronamespace = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = %s)
        """,
        [schema],
    )
    return {
        name: {"stable": volatility != "v", "optional": set(names[len(names) - defaults :]), "params": dict(zip(names, types))}
        for name, volatility, defaults, types, names in rows
    }


def read_role_settings(connection):
    """What ALTER ROLE has set for the roles of tokens: of the settings that this session shows, those that it may set."""
    rows = connection.execute(
        """
        SELECT r.rolname, s.name, substr(o.option, strpos(o.option, '=') + 1)
        FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid CROSS JOIN unnest(r.rolconfig) o (option)
        JOIN pg_settings s ON s.name = split_part(o.option, '=', 1)
        WHERE m.member = current_user::regrole AND (s.context = 'user' OR has_parameter_privilege(s.name, 'SET'))
        """
    )
    found = {}
    for role, name, value in rows:
        found.setdefault(role, {})[name] = value
    return found


with connect() as first:
    schemas = {name: read_functions(first, name) for name in settings["db-schemas"]}
    role_settings = read_role_settings(first)
idle = queue.LifoQueue()
free = threading.Semaphore(settings["db-pool"])


def use_connection(work):
    """Does work with a connection of the pool; waits for one that is free, and drops one that is lost."""
    if not free.acquire(timeout=settings["db-pool-acquisition-timeout"]):
        raise Refusal(504, "PGRST003", "Timed out acquiring connection from connection pool.")
    try:
        try:
            connection = idle.get_nowait()
        except queue.Empty:
            try:
                connection = connect()
            except psycopg.OperationalError as error:
                raise Refusal(503, "PGRST000", "Database connection error.", str(error)) from None
        try:
            return work(connection)
        finally:
            if not connection.closed:
                idle.put(connection)
    finally:
        free.release()


def schema_of(method, headers):
    """The schema of a request: the first of db-schemas, or the one of them that its profile names."""
    first_schema = settings["db-schemas"][0]
    name = headers.get("accept-profile" if method == "GET" else "content-profile", first_schema)
    if name not in schemas:
        raise Refusal(406, "PGRST106", f"Invalid schema: {name}", None, f"Only the following schemas are exposed: {', '.join(schemas)}")
    return name


def payload(body):
    """The body as it is passed on, and the keys that may be names of parameters."""
    try:
        value = json.loads(body, parse_constant=not_a_number) if body else {}
    except ValueError:
        raise Refusal(400, "PGRST102", "Empty or invalid json") from None
    except RecursionError:  # which is Python's
        return body, set()
    if isinstance(value, dict):
        return body, set(value)
    if isinstance(value, list) and value:
        if not all(isinstance(one, dict) and set(one) == set(value[0]) for one in value):
            raise Refusal(400, "PGRST102", "All object keys must match")
        return body, set(value[0])
    return "[]", set()


def choose(schema, name, keys, unnamed_may_be):
    """Whether the function is called with its one unnamed parameter; it is refused if it fits in no way."""
    function = schemas[schema].get(name)
    if function:
        params = set(function["params"])
        if params - function["optional"] <= keys <= params and "" not in params:
            return False
        if unnamed_may_be and list(function["params"].items()) in ([("", "jsonb")], [("", "json")]):
            return True
    raise Refusal(404, "PGRST202", f"Could not find the function {schema}.{name} in the schema cache")


def call_sql(schema, name, whole, arguments):
    """The call, and its parameters; a body is text until the server makes jsonb of it."""
    if whole:
        return f'"{schema}".{name}(%s::jsonb)', arguments
    params = schemas[schema][name]["params"]
    named = ", ".join(f"{key} := %s::{params[key]}" for key in arguments)
    return f'"{schema}".{name}({named})', list(arguments.values())


def rolled_back(headers):
    """Whether the transaction of a request is rolled back: db-tx-end says so, unless it lets the client say."""
    if settings["db-tx-end"].endswith("allow-override"):
        wanted = re.search(r"\btx=(commit|rollback)\b", headers.get("prefer", ""))
        if wanted:
            return wanted[1] == "rollback"
    return settings["db-tx-end"].startswith("rollback")


def run(connection, claims, method, path, headers, schema, name, whole, arguments):
    """The transaction of a request: returns body, status and headers."""
    read_only = method == "GET" or schemas[schema][name]["stable"]
    with connection.transaction() as transaction:
        connection.execute(f"SET TRANSACTION {'READ ONLY' if read_only else 'READ WRITE'}")
        for key, value in {
            "search_path": ", ".join(f'"{part}"' for part in [schema, *settings["db-extra-search-path"]]),
            **role_settings.get(claims["role"], {}),
            "role": claims["role"],
            "request.jwt.claims": json.dumps(claims),
            "request.method": method,
            "request.path": path,
            "request.headers": json.dumps(headers),
        }.items():
            connection.execute("SELECT set_config(%s, %s, true)", [key, value])
        call, parameters = call_sql(schema, name, whole, arguments)
        row = connection.execute(
            f"""
            WITH source AS (SELECT call.result FROM (SELECT {call} AS result) call)
            SELECT coalesce(json_agg(s.result) -> 0, 'null')::text, nullif(current_setting('response.status', true), ''),
                nullif(current_setting('response.headers', true), '')
            FROM source s
            """,
            parameters,
        ).fetchone()
        if rolled_back(headers):
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            raise psycopg.Rollback(transaction)
    return row


# The first that fits; 400 otherwise.
STATUSES = [
    ("08|53(?!400)|57P01", 503),
    ("0L|0P|28", 403),
    ("23503|23505", 409),
    ("25006", 405),
    ("P0001", 400),
    ("09|25|2D|38|39|3B|40|53|54|55|57|58|F0|HV|P0|XX|42P17|21000", 500),
    ("42883|42P01", 404),
]


def code_and_message(error):
    if error.sqlstate:
        return error.sqlstate, error.diag.message_primary
    # The connection is lost. PostgREST's driver waits in libpq, which returns the server's last word as an error; psycopg keeps its text alone.
    if last_word := re.search("terminating connection due to administrator command", str(error)):
        return "57P01", last_word[0]
    return "PGRST001", "Database client error. Retrying the connection."


def status_of(code, message, authenticated):
    if code == "PGRST001":
        return 503
    if code == "42501":
        return 403 if authenticated else 401
    if code == "22023" and message.startswith("role") and message.endswith("does not exist"):
        return 401
    if code.startswith("PT"):
        return int(code[2:])
    return next((status for pattern, status in STATUSES if re.match(pattern, code)), 400)


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {"Content-Type": "application/json; charset=utf-8"}
        try:
            status, text = 200, None
            claims = claims_of(self.headers.get("Authorization"))
            text, own_status, own_headers = self.call(claims, body)
            status = int(own_status or 200)
            for header in json.loads(own_headers or "[]"):
                headers |= header
        except Refusal as refusal:
            status, text = refusal.status, json.dumps(refusal.body)
            headers["Proxy-Status"] = f"PostgREST; error={refusal.body['code']}"
        except psycopg.Error as error:
            code, message = code_and_message(error)
            status = status_of(code, message, bool(self.headers.get("Authorization")))
            headers["Proxy-Status"] = f"PostgREST; error={code}"
            body = {"code": code, "message": message, "details": error.diag.message_detail, "hint": error.diag.message_hint}
            text = json.dumps(body, ensure_ascii=False)
        data = text.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = answer

    def call(self, claims, body):
        url = urllib.parse.urlsplit(self.path)
        path = re.fullmatch(r"/rpc/([^/]+)", url.path)
        if not path:
            raise Refusal(404, "PGRST125", "Invalid path specified in request URL")
        name, query = path[1], dict(urllib.parse.parse_qsl(url.query))
        headers = {key.lower(): value for key, value in self.headers.items()}
        schema = schema_of(self.command, headers)
        whole, arguments = False, query
        if self.command == "POST":
            kind = self.headers.get("Content-Type", "application/json").split(";")[0]
            if kind != "application/json":
                raise Refusal(400, "PGRST102", f"Content-Type not acceptable: {kind}")
            try:
                text, keys = payload(body.decode())
            except UnicodeDecodeError:
                raise Refusal(400, "PGRST102", "Empty or invalid json") from None
            whole = choose(schema, name, keys, True)
            arguments = [text] if whole else {key: self.argument(value) for key, value in json.loads(text or "{}").items()}
        else:
            choose(schema, name, set(query), False)
        return use_connection(lambda connection: run(connection, claims, self.command, url.path, headers, schema, name, whole, arguments))

    @staticmethod
    def argument(value):
        """An argument as text, as json_to_record has it."""
        return value if value is None or isinstance(value, str) else json.dumps(value)


http.server.ThreadingHTTPServer((settings["server-host"], settings["server-port"]), Handler).serve_forever()
