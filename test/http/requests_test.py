"""The requests of check_http.sh, which says what runs: nginx in front of a model of PostgREST. Prints TAP.

Usage: requests_test.py NGINX MODEL SECRET REQUEST MODEL_PID: two addresses, the secret of tokens, the shell script of docs/http.md's request.
"""

import concurrent.futures
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time

import harness
import psycopg
from harness import report

NGINX, MODEL, SECRET, REQUEST, MODEL_PID = sys.argv[1:]
PATH = "/v1/contacts/upsert"
TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"
db = psycopg.connect("", autocommit=True)


def token(claims, secret=SECRET, head=None):
    return harness.token(claims, secret, head)


MEMBER = token({"role": "contacts_member"})


def send(body, bearer=MEMBER, method="POST", path=PATH, server=NGINX, headers=()):
    """Returns status, body and headers of the answer."""
    connection = http.client.HTTPConnection(server.removeprefix("http://"), timeout=60)
    wanted = {"Content-Type": "application/json"} | dict(headers)
    if bearer:
        wanted["Authorization"] = f"Bearer {bearer}"
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode("utf-8", "surrogatepass")
    connection.request(method, path, body, wanted)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return response.status, text.decode(), response.headers


def call(body, bearer=MEMBER, **options):
    """Returns the status, and the body read as JSON."""
    status, text, _ = send(body, bearer, **options)
    return status, json.loads(text)


def message(*arguments, **options):
    status, body = call(*arguments, **options)
    return status, body.get("message")


def sql(query, *parameters):
    return db.execute(query, parameters).fetchall()


def contacts():
    return sql("SELECT workspace_id, email_address, version FROM contacts.contact ORDER BY 1, 2")


def page():
    """The request of the API page, to the letter."""
    answers = [subprocess.run(["sh", REQUEST], capture_output=True, check=True, text=True) for _ in range(2)]
    answer = json.loads(answers[0].stdout)
    own = {key: answer["data"].pop(key, "") for key in ("id", "created_at", "updated_at")}
    wanted = {
        "data": {
            "status": "SUBSCRIBED",
            "tags": [{"id": 1, "name": "newsletter"}, {"id": 2, "name": "vip"}],
            "data": {"email_address": "tywin@example.com", "first_name": "Tywin", "last_name": "Lannister"},
            "statistics": {"total_opens": 0, "total_clicks": 0, "total_bounces": 0, "total_delivered": 0},
        }
    }
    report("the request of docs/http.md is answered with the page's envelope", answer, wanted)
    shapes = {"id": r"^[0-9a-f]{24}$", "created_at": TIME, "updated_at": TIME}
    report("its id and times have the page's form", [bool(re.match(shapes[key], own[key])) for key in shapes], [True] * 3)
    report("the same request again is the same answer", answers[1].stdout, answers[0].stdout)
    report("and changes nothing", sql("SELECT version FROM contacts.contact WHERE email_address = 'tywin@example.com'"), [(1,)])
    status, _, headers = send({"email_address": "tywin@example.com", "partial_update": True})
    report("status and type of a success", (status, headers["Content-Type"]), (200, "application/json; charset=utf-8"))

    sql_message = lambda request: sql("SELECT error ->> 'message' FROM contacts.preview(%s::text::jsonb)", json.dumps(request))[0][0]
    db.execute("UPDATE contacts.field SET required = true WHERE workspace_id = 1 AND merge_tag = 'first_name'")
    before = contacts()
    for request, wanted in (
        ({"fields": {}}, "Email address is required for upsert operation."),
        (
            {"email_address": "a@example.com", "fields": {"shoe_size": 42}},
            "We were unable to find a field with the merge_tag shoe_size",
        ),
        ({"email_address": "a@example.com", "status": "subscribed"}, "The status you provided is not valid."),
        ({"email_address": "a@example.com"}, "Field 'First Name' is required."),
    ):
        report(f"400: {wanted}", message(request), (400, wanted))
        report("as SQL says it", sql_message(request), wanted)
    report("nothing is written by a request that is rejected", contacts(), before)
    db.execute("UPDATE contacts.field SET required = false WHERE workspace_id = 1 AND merge_tag = 'first_name'")
    _, body = call({"email_address": "a@example.com", "fields": {"shoe_size": 42}})
    report(
        "the body of an error: code, message, details, hint",
        (body["code"], json.loads(body["details"]), body["hint"]),
        (
            "22023",
            {"code": "FIELD_NOT_FOUND", "status": 400, "merge_tag": "shoe_size"},
            "Define the field, or remove the key from fields. Merge tags are case-sensitive.",
        ),
    )


def own_rules():
    request = {"email_address": "joffrey@example.com"}
    report("a CHECK of a user's own", message(request)[0], 400)
    answers = [call({"email_address": f"{name}@example.com", "fields": {"last_name": "Unique"}})[0] for name in ("u1", "u2")]
    report("a unique index of a user's own", answers, [200, 409])


def tokens():
    request = {"email_address": "tokens@example.com"}
    role = "contacts_member"
    now = int(time.time())
    before = contacts()
    for name, bearer, wanted in (
        ("no token", None, 401),
        ("a token that is none", "abc", 401),
        ("one that has expired", token({"role": role, "exp": now - 60}), 401),
        ("one that is not valid yet", token({"role": role, "nbf": now + 3600}), 401),
        ("one with another secret", token({"role": role}, "another secret, which has as many characters"), 401),
        ("one without a signature", token({"role": role}).rsplit(".", 1)[0] + ".", 401),
        ("one of algorithm none", token({"role": role}, head={"alg": "none"}), 401),
        ("one without a role", token({"workspace_id": 1}), 401),
        ("one of a role that does not exist", token({"role": "contact_upsert_no_role"}), 401),
        ("one of the superuser", token({"role": os.environ["PGUSER"]}), 403),
        ("one of the authenticator", token({"role": "contacts_authenticator"}), 403),
        ("one of a role without rights", token({"role": "contact_upsert_nobody"}), 403),
        ("one of a role that is a member of no workspace", token({"role": "contact_upsert_stranger"}), 403),
    ):
        report(f"token: {name}", call(request, bearer)[0], wanted)
    report("no such request has written anything", contacts(), before)


def workspaces():
    request = {"email_address": "spaces@example.com", "fields": {"name": "Sp"}, "partial_update": True}
    both = lambda claim: token({"role": "contact_upsert_both", "workspace_id": claim})
    two = token({"role": "contact_upsert_two"})
    where = lambda: sql("DELETE FROM contacts.contact WHERE email_address = 'spaces@example.com' RETURNING workspace_id")

    report("a role of one workspace needs no claim", (call(request, two)[0], where()), (200, [(2,)]))
    report("a claim chooses", (call(request, both(2))[0], where()), (200, [(2,)]))
    report("as a string, too", (call(request, both("2"))[0], where()), (200, [(2,)]))
    report(
        "without a claim, a role of two workspaces is refused",
        message(request, token({"role": "contact_upsert_both"})),
        (403, "The token names no workspace, and its role contact_upsert_both may act for several."),
    )
    for claim in (0, -1, 1.5, 1e30, True, "", "x", "1 OR 1=1", [1], {"1": 1}):
        report(
            f"the claim {claim!r} is no workspace",
            message(request, both(claim)),
            (403, "The claim workspace_id of the token is not the id of a workspace."),
        )
    report("a claim does not make a member", message(request, token({"role": "contact_upsert_two", "workspace_id": 1})), (400, "Workspace 1 does not exist."))
    report("one for a workspace that is not there", message(request, both(99)), (400, "Workspace 99 does not exist."))
    report("nothing was written by them", where(), [])
    call({"email_address": "spaces@example.com", "workspace_id": 2, "contact_upsert.workspace_id": 2})
    report("the body does not choose", where(), [(1,)])
    call({"email_address": "spaces@example.com"}, path=PATH + "?workspace_id=2", headers={"request.jwt.claims": '{"workspace_id": 2}'})
    report("neither do query string and headers", where(), [(1,)])

    # What PostgREST would show to who comes past nginx.
    rpc = lambda name, body, bearer: call(body, bearer, server=MODEL, path=f"/rpc/{name}")
    one = {"contact": "tywin@example.com"}
    hidden = {"contact": "hidden@example.com"}
    report("a contact of another workspace cannot be read", rpc("get_contact", one, two), (200, None))
    report("nor exported", rpc("export_contact", one, two), (200, None))
    report("nor erased", rpc("erase_contact", one, two), (200, False))
    report("nor given another address", rpc("change_address", one | {"email_address": "b@example.com"}, two)[0], 400)
    report("nor found", [row["contact"]["data"]["email_address"] for row in rpc("search_contacts", {}, two)[1]], ["hidden@example.com"])
    report("nor its workspace's tags", rpc("list_tags", {}, two), (200, [{"id": 3, "name": "secret", "description": None}]))
    report("one's own can", rpc("get_contact", hidden, two)[1]["data"]["data"]["name"], "Hidden")
    report("functions of the extension are not shown", rpc("upsert", {"request": {}}, two)[0], 404)
    before = contacts()
    report("a preview writes nothing", (rpc("preview_contact", request, two)[1]["outcome"], contacts()), ("created", before))
    report("GET reads", call(None, two, server=MODEL, method="GET", path="/rpc/get_contact?contact=hidden@example.com")[0], 200)
    report("GET does not write", call(None, two, server=MODEL, method="GET", path="/rpc/erase_contact?contact=hidden@example.com")[0], 405)
    rows = rpc("upsert_contacts", {"requests": [{"email_address": "m@example.com", "fields": {"name": "M"}}, {"email_address": "n"}]}, two)[1]
    report("many", [(row["outcome"], (row["error"] or {}).get("code")) for row in rows], [("created", None), ("failed", "EMAIL_INVALID")])
    report("one's own contact is erased", (rpc("erase_contact", {"contact": "m@example.com"}, two)[1], contacts()), (True, before))


def bodies():
    before = contacts()
    must_be_object = "The request must be a JSON object."
    request = '{"email_address": "body@example.com"}'
    for name, body, wanted in (
        ("an empty body", "", (400, "invalid input syntax for type json")),
        ("an empty object", "{}", (400, "Email address is required for upsert operation.")),
        ("an empty array", "[]", (400, must_be_object)),
        ("an array of the request", f"[{request}]", (400, must_be_object)),
        ("an array of different objects", f"[{request}, {{}}]", (400, "All object keys must match")),
        ("null", "null", (400, must_be_object)),
        ("a number", "42", (400, must_be_object)),
        ("the request as a string of JSON", json.dumps(request), (400, must_be_object)),
        ("text", "tywin@example.com", (400, "Empty or invalid json")),
        ("half an object", request[:-1], (400, "Empty or invalid json")),
        ("something behind the object", request + "x", (400, "Empty or invalid json")),
        ("a form", "email_address=body@example.com", (400, "Empty or invalid json")),
        ("bytes that are no UTF-8", b'{"email_address": "\xff@example.com"}', (400, "Empty or invalid json")),
        ("NaN", '{"email_address": "body@example.com", "fields": {"first_name": NaN}}', (400, "Empty or invalid json")),
        (
            "half an emoji",
            r'{"email_address": "body@example.com", "fields": {"first_name": "\ud83d"}}',
            (400, "invalid input syntax for type json"),
        ),
        (
            "U+0000",
            r'{"email_address": "body@example.com", "fields": {"first_name": "\u0000"}}',
            (400, "unsupported Unicode escape sequence"),
        ),
        (
            "nine levels",
            '{"email_address": "body@example.com", "fields": {"first_name": ' + "[" * 7 + "]" * 7 + "}}",
            (400, "The request is nested deeper than 8 levels."),
        ),
        ("a date", '{"email_address": "body@example.com", "fields": {"first_name": {"$date": "2024-02-15"}}}', (400, "Field 'First Name' is not a valid TEXT.")),
        ("2 MiB", {"email_address": "body@example.com", "padding": "x" * 2**21}, (400, "The request is larger than 1 MiB.")),
        ("5 MiB", {"email_address": "body@example.com", "padding": "x" * 5 * 2**20}, (413, "The request is larger than 1 MiB.")),
    ):
        report(f"body: {name}", message(body), wanted)
    report("body: a hundred thousand levels", call("[" * 10**5 + "]" * 10**5)[0], 500)
    report("none of them has written anything", contacts(), before)

    russian = {"email_address": "body@example.com", "fields": {"first_name": "Ж" * 32000}}
    padded = json.dumps(russian | {"evidence": {}}) + " " * 2**20
    report("a small request of large JSON", call(padded)[0], 200)
    for kind in ("application/x-www-form-urlencoded", "text/plain", "application/json; charset=utf-8", "multipart/form-data"):
        report(f"the body is JSON, whatever Content-Type says: {kind}", call(request, headers={"Content-Type": kind})[0], 200)
    injection = "x\r\nX-Evil: 1\r\n\r\n<script>"
    status, text, headers = send({"email_address": "body@example.com", "fields": {injection: 1}})
    report(
        "what a message quotes stays in the body, as JSON",
        (status, headers["X-Evil"], headers["Content-Type"], json.loads(text)["message"]),
        (400, None, "application/json; charset=utf-8", f"We were unable to find a field with the merge_tag {injection}"),
    )


def paths():
    before = contacts()
    body = {"email_address": "paths@example.com"}
    nothing = "There is nothing at this path."
    for path in (
        "/",
        "/v1/contacts",
        "/v1/contacts/upsert/",
        "/v1/contacts/upsert/x",
        "/v1/contacts/upsert%2F",
        "/v1/contacts/upsert;x=1",
        "/v1/contacts/upsert%00",
        "/V1/contacts/upsert",
        "/rpc/upsert_contact",
        "/rpc/erase_contact",
        "/v1/contacts/upsert/../../../rpc/upsert_contact",
        "/v1/contacts/..%2f..%2frpc%2fupsert_contact",
        "/contact",
    ):
        status, text, _ = send(body, path=path)
        report(f"{path} leads nowhere", (status, nothing in text or status == 400), (400 if "%00" in path else 404, True))
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"):
        status, _, headers = send(body, method=method)
        report(f"{method} is refused", (status, headers["Allow"]), (405, "POST"))
    report("nothing was written by them", contacts(), before)
    prefer = {"Prefer": "tx=rollback, return=minimal", "Content-Profile": "contacts", "Accept": "text/csv", "Range": "5-9", "X-Other": "1"}
    report("headers and query string are not passed on", call(body, path=PATH + "?select=id&columns=x", headers=prefer)[0], 200)
    with open(os.environ["MODEL_LOG"], encoding="utf-8") as log:
        lines = [line for line in log if "upsert_contact" in line]
    report("no query string arrives", (len(lines) > 50, [line for line in lines if "?" in line]), (True, []))
    report(
        "these headers arrive",
        sql("SELECT array(SELECT jsonb_object_keys(headers) ORDER BY 1) FROM seen WHERE email_address = 'paths@example.com'"),
        [(["accept", "authorization", "content-length", "content-type", "host"],)],
    )


def many():
    with concurrent.futures.ThreadPoolExecutor(16) as executor:
        request = {"email_address": "many@example.com", "fields": {"first_name": "M"}}
        answers = list(executor.map(lambda _: call(request), range(64)))
        report("64 at once, of one new address", {status for status, _ in answers}, {200})
        report("are one contact", len({answer["data"]["id"] for _, answer in answers}), 1)
        # Connections are used again: what one request has set must not be there for the next.
        two = token({"role": "contact_upsert_two"})
        bearers = [MEMBER, two, None] * 30
        answers = list(executor.map(lambda bearer: call({"email_address": "turns@example.com", "fields": {"name": "T"}}, bearer)[0], bearers))
        report("requests of several roles in turns", answers, [400, 200, 401] * 30)
    report("each in its workspace", sql("SELECT workspace_id FROM contacts.contact WHERE email_address = 'turns@example.com'"), [(2,)])


def outage():
    os.kill(int(MODEL_PID), signal.SIGTERM)
    status, text, headers = send({"email_address": "outage@example.com"})
    report(
        "without PostgREST",
        (status, json.loads(text), headers["Retry-After"]),
        (503, {"message": "The service is not available. Send the request again."}, "5"),
    )


for topic in (page, own_rules, tokens, workspaces, bodies, paths, many, outage):
    topic()
harness.end()
