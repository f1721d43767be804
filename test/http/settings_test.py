"""The requests of check_settings.sh, which says what runs. Prints TAP.

Usage: settings_test.py SECRET SHIPPED CHANGED ROLLBACK [POOLED POOLED]: the secret of tokens, and addresses of models of PostgREST.
"""

import concurrent.futures
import http.client
import json
import os
import re
import sys
import tempfile

import harness
import postgrest_settings
import psycopg
from harness import report

SECRET, SHIPPED, CHANGED, ROLLBACK, *POOLED = sys.argv[1:]
MEMBER = harness.token({"role": "contacts_member"}, SECRET)
db = psycopg.connect("", autocommit=True)


def ask(server, name, body, bearer=MEMBER, **headers):
    """Returns the status and the body of a call."""
    connection = http.client.HTTPConnection(server, timeout=60)
    headers = {key.replace("_", "-"): value for key, value in headers.items()} | {"Content-Type": "application/json"}
    connection.request("POST", f"/rpc/{name}", json.dumps(body), headers | ({"Authorization": f"Bearer {bearer}"} if bearer else {}))
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer


def written(server, **headers):
    """The status of a request, and whether the contact is there afterwards."""
    status, _ = ask(server, "upsert_contact", {"email_address": "end@example.com"}, **headers)
    return status, db.execute("DELETE FROM contacts.contact WHERE email_address = 'end@example.com'").rowcount == 1


def read(text):
    """What the model says of a file that is http/postgrest.conf but for some lines, or None."""
    with open("http/postgrest.conf", encoding="utf-8") as file:
        lines = file.read().replace("@/etc/postgrest/jwt-secret", SECRET)
    name = text.split(" ")[0]
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(re.sub(rf"(?m)^{re.escape(name)} = .*\n", "", lines) + text + "\n")
        file.flush()
        try:
            postgrest_settings.read(file.name)
        except postgrest_settings.Wrong as wrong:
            return str(wrong).split(": ", 1)[1]
    return None


def names():
    with open("http/postgrest.conf", encoding="utf-8") as file:
        lines = [line for line in file if line.strip() and not line.startswith("#")]
    report("http/postgrest.conf has no line that the model does not take", (len(lines) > 10, read("")), (True, None))
    with open(os.path.join("docs", "http.md"), encoding="utf-8") as page:
        text = page.read()
    row = next(line for line in text.splitlines() if line.startswith("| `http/postgrest.conf`, by the model |"))
    does = row.split(" do there ")[0].split("|")[2]
    report("docs/http.md says which settings the model has", set(re.findall(r"`([a-z-]+)`", does)), set(postgrest_settings.MODELLED))
    table = text.split("\n## Settings\n")[1].split("\n## ")[0]
    for setting in re.findall(r"^\| `([a-z-]+ = [^`]+)`", table, re.M):
        report(f"docs/http.md says what is there: {setting}", f"{setting}\n" in lines, True)

    for line, wanted in (
        ('db-tx-ends = "commit"', "db-tx-ends is no setting that PostgREST has had since version 12."),
        ('db-schema = "api"', "db-schema is no setting that PostgREST has had since version 12."),
        ("jwt-cache-max-lifetime = 10", "jwt-cache-max-lifetime is no setting that PostgREST has had since version 12."),
        ('db-pre-request = "public.check"', "db-pre-request is a setting of PostgREST that the model does not have."),
        ('app.settings.secret = "x"', "app.settings.secret is a setting of PostgREST that the model does not have."),
        ('db-tx-end = "comit"', "'comit' is no value of db-tx-end."),
        ('db-pool = "many"', "'many' is no value of db-pool."),
        ("db-plan-enabled = no", "'no' is no value of db-plan-enabled."),
        ('openapi-mode = "none"', "'none' is no value of openapi-mode."),
        ("db-pool = 10\ndb-pool = 10", "db-pool is there twice."),
        ("db-pool 10", "not a setting: db-pool 10"),
        ("db-schemas = api, public", "not a setting: db-schemas = api, public"),
        ('db-schemas = "api, pg_catalog"', "db-schemas does not allow schema: 'pg_catalog'"),
        ('jwt-secret = "short"', "The JWT secret must be at least 32 characters long."),
    ):
        report(f"refused: {line!r}", read(line), wanted)


def effects():
    rollback = {"Prefer": "tx=rollback"}
    report('db-tx-end = "commit": no client has its change rolled back', written(SHIPPED, **rollback), (200, True))
    report('db-tx-end = "commit-allow-override": one that says so does', written(CHANGED, **rollback), (200, False))
    report("and no other", written(CHANGED), (200, True))
    report('db-tx-end = "rollback": every client does', written(ROLLBACK, Prefer="tx=commit"), (200, False))
    report('db-extra-search-path = ""', ask(SHIPPED, "shown_path", {}), (200, '"api"'))
    report("of other schemas", ask(CHANGED, "shown_path", {}), (200, '"api", "public", "more"'))
    profile = {"Content_Profile": "other"}
    status, body = ask(SHIPPED, "shown_path", {}, **profile)
    report('db-schemas = "api": no other schema', (status, body["code"], body["hint"]), (406, "PGRST106", "Only the following schemas are exposed: api"))
    report("of two schemas", ask(CHANGED, "shown_path", {}, **profile), (200, '"other", "public", "more"'))
    report("without db-anon-role", ask(SHIPPED, "workspace_id", {}, None)[0], 401)
    report("with one, who has no token is that role", ask(CHANGED, "workspace_id", {}, None), (200, 1))


def roles():
    """The trap of a role's own setting of the extension's."""
    strict = harness.token({"role": "contact_upsert_strict"}, SECRET)
    call = lambda server, bearer: ask(server, "upsert_contact", {"email_address": "role@example.com", "nickname": "x"}, bearer)
    report("a setting of ours on a token's role has no effect", call(SHIPPED, strict)[0], 200)
    status, body = call(CHANGED, strict)
    report("with session_preload_libraries it has", (status, "nickname" in body.get("message", "")), (400, True))
    report("on that role alone", call(CHANGED, MEMBER)[0], 200)


def pooler():
    if not POOLED:
        harness.skip("two of PostgREST share a connection of pgbouncer's", "pgbouncer is not installed")
        return
    with concurrent.futures.ThreadPoolExecutor(8) as executor:
        requests = [(POOLED[n % 2], "upsert_contact", {"email_address": f"pooled{n}@example.com"}) for n in range(40)]
        answers = list(executor.map(lambda request: ask(*request)[0], requests))
    report("two of PostgREST share a connection of pgbouncer's", answers, [200] * 40)
    found = db.execute("SELECT count(*) FROM contacts.contact WHERE email_address LIKE 'pooled%'").fetchone()[0]
    report("each contact is there", found, 40)


for topic in (names, effects, roles, pooler):
    topic()
harness.end()
