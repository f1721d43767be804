"""The requests of check_answers.sh, which says what runs. Prints TAP.

Usage: answers_test.py NGINX MODEL STANDBY_NGINX STANDBY_MODEL SECRET STANDBY_PID: four addresses, the secret of tokens, a process to stop.
"""

import concurrent.futures
import http.client
import json
import os
import re
import signal
import sys
import time

import harness
import psycopg
from harness import report

NGINX, MODEL, STANDBY_NGINX, STANDBY_MODEL, SECRET, STANDBY_PID = sys.argv[1:]
PATH = "/v1/contacts/upsert"
db = psycopg.connect("", autocommit=True)
seen = set()  # statuses, each with the code of its body


def token(claims):
    return harness.token(claims, SECRET)


MEMBER = token({"role": "contacts_member", "workspace_id": 1})
HURRIED = token({"role": "contact_upsert_hurried", "workspace_id": 1})


def ask(body, bearer=MEMBER, method="POST", path=PATH, server=NGINX):
    """Returns the status, and the body's code and message."""
    connection = http.client.HTTPConnection(server, timeout=60)
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    connection.request(method, path, text, {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {}))
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    answer = answer if isinstance(answer, dict) else {}
    seen.add((response.status, answer.get("code")))
    return response.status, answer.get("code"), answer.get("message")


def contact(name, **other):
    return {"email_address": f"{name}@example.com"} | other


def contacts():
    return db.execute("SELECT workspace_id, email_address FROM contacts.contact ORDER BY 1, 2").fetchall()


def until(query):
    """Waits until the query finds a row."""
    for _ in range(600):
        if db.execute(query).fetchone():
            return
        time.sleep(0.05)
    raise TimeoutError(query)


def requests():
    report("200", ask(contact("answers"))[0], 200)
    before = contacts()
    nobody = token({"role": "contact_upsert_nobody"})
    for name, arguments, wanted in (
        ("a rule", [contact("a", status="x")], (400, "22023", "The status you provided is not valid.")),
        ("what is missing", [{}], (400, "22004", "Email address is required for upsert operation.")),
        ("no JSON", ["x"], (400, "PGRST102", "Empty or invalid json")),
        ("half an emoji", [r'{"email_address": "\ud83d"}'], (400, "22P02", "invalid input syntax for type json")),
        ("U+0000", [r'{"email_address": "\u0000"}'], (400, "22P05", "unsupported Unicode escape sequence")),
        ("a workspace that is not there", [contact("a"), token({"role": "contacts_member", "workspace_id": 2})], (400, "22023", "Workspace 2 does not exist.")),
        (
            "a CHECK of a user's own",
            [contact("joffrey")],
            (400, "23514", 'new row for relation "contact" violates check constraint "not_joffrey"'),
        ),
        ("a trigger that raises", [contact("raise")], (400, "P0001", "Not on Sundays.")),
        ("no token", [contact("a"), None], (401, "PGRST302", "Anonymous access is disabled")),
        ("a token that is none", [contact("a"), "x"], (401, "PGRST301", "Expected 3 parts in JWT; got 1")),
        ("one that has expired", [contact("a"), token({"role": "contacts_member", "exp": 1})], (401, "PGRST303", "JWT expired")),
        ("a role without rights", [contact("a"), nobody], (403, "42501", "permission denied for schema api")),
        (
            "a claim that is no workspace",
            [contact("a"), token({"role": "contacts_member", "workspace_id": "x"})],
            (403, "28000", "The claim workspace_id of the token is not the id of a workspace."),
        ),
    ):
        report(f"{wanted[0]}, {wanted[1]}: {name}", ask(*arguments), wanted)
    report("404: another path", ask(contact("a"), path="/contacts")[0], 404)
    report("405: another method", ask(contact("a"), method="PUT")[0], 405)
    erase = {"method": "GET", "path": "/rpc/erase_contact?contact=answers@example.com", "server": MODEL}
    report("405, 25006: a GET of a function that writes", ask("", **erase)[:2], (405, "25006"))
    report("413", ask(contact("a", padding="x" * 5 * 2**20))[0], 413)
    report("500, 54001: a body of a hundred thousand levels", ask("[" * 10**5 + "]" * 10**5)[:2], (500, "54001"))
    report("nothing is written by them", contacts(), before)
    unique = [ask(contact(f"unique{n}", fields={"last_name": "Unique"}))[:2] for n in range(2)]
    report("409, 23505: a unique index of a user's own", unique, [(200, None), (409, "23505")])


def installation():
    before = contacts()
    version = db.execute("SELECT pg_get_functiondef('contacts.tables_version()'::regprocedure)").fetchone()[0]
    db.execute(re.sub(r"\d+\.\d+\.\d+", "0.1.0", version))
    answer = ask(contact("a"))
    report("500, 55000: tables that do not fit", (*answer[:2], "0.1.0" in answer[2]), (500, "55000", True))
    db.execute(version)
    db.execute("ALTER TABLE contacts.workspace RENAME TO workspace_of_yore")
    report("500, 55000: no tables", ask(contact("a")), (500, "55000", "The contact tables are not installed in this database."))
    db.execute("ALTER TABLE contacts.workspace_of_yore RENAME TO workspace")
    report("nothing is written by them", contacts(), before)
    report("and both can be mended", ask(contact("answers"))[0], 200)


def waiting():
    before = contacts()
    report("500, 57014: a timeout", ask(contact("slow"), HURRIED)[:2], (500, "57014"))
    with concurrent.futures.ThreadPoolExecutor(3) as executor, psycopg.connect("") as other:
        # The other session waits longer than the request's: which of them is the victim is no accident.
        other.execute("SET deadlock_timeout = '60s'")
        other.execute("SELECT pg_advisory_xact_lock(1)")
        request = executor.submit(ask, contact("deadlock"))
        until("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 2 AND granted")
        other.execute("SELECT pg_advisory_xact_lock(2)")
        report("500, 40P01: a deadlock", request.result()[:2], (500, "40P01"))
        other.rollback()

        # Both connections of the pool are taken, for a minute.
        sleeping = "FROM pg_stat_activity WHERE usename = 'contacts_authenticator' AND wait_event = 'PgSleep'"
        taken = [executor.submit(ask, contact(f"slow{n}")) for n in range(2)]
        until(f"SELECT 1 {sleeping} HAVING count(*) = 2")
        report("504, PGRST003: no connection of the pool is free", ask(contact("a"))[:2], (504, "PGRST003"))
        db.execute(f"SELECT pg_terminate_backend(pid) {sleeping}")
        report("503, 57P01: PostgreSQL ends the session", [one.result()[:2] for one in taken], [(503, "57P01")] * 2)
    report("nothing is written by them", contacts(), before)
    report("the next request gets a new connection", ask(contact("answers"))[0], 200)


def read_only():
    """default_transaction_read_only is no lock: PostgREST says READ WRITE when it begins."""
    db.execute("ALTER ROLE contacts_authenticator SET default_transaction_read_only = on")
    db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'contacts_authenticator'")
    ask(contact("a"))
    report("a role that is read-only by default writes", (ask(contact("written"))[0], (1, "written@example.com") in contacts()), (200, True))
    db.execute("ALTER ROLE contacts_authenticator RESET default_transaction_read_only")
    db.execute("REVOKE EXECUTE ON FUNCTION api.upsert_contact FROM contacts_api")
    report("without EXECUTE nobody does", ask(contact("a"))[:2], (403, "42501"))
    db.execute("GRANT EXECUTE ON FUNCTION api.upsert_contact TO contacts_api")


def standby():
    db.execute("DELETE FROM contacts.contact WHERE email_address = 'standby@example.com'")
    with psycopg.connect("port=5433", autocommit=True) as copy:
        target = db.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()[0]
        for _ in range(1200):
            if copy.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", [target]).fetchone()[0]:
                break
            db.execute("SELECT pg_switch_wal()")
            time.sleep(0.05)
        else:
            raise TimeoutError("the standby does not follow")
    wanted = (400, "0A000", "cannot set transaction read-write mode during recovery")
    report("400, 0A000: a standby", ask(contact("standby"), server=STANDBY_NGINX), wanted)
    for name, body in (
        ("get_contact", {"contact": "answers@example.com"}),
        ("search_contacts", {}),
        ("export_contact", {"contact": "answers@example.com"}),
        ("preview_contact", contact("standby")),
        ("list_fields", {}),
        ("list_tags", {}),
        ("request_schema", {}),
        ("workspace_id", {}),
    ):
        report(f"{name} works there", ask(body, server=STANDBY_MODEL, path=f"/rpc/{name}")[0], 200)
    for name, body in (
        ("upsert_contacts", {"requests": [contact("standby")]}),
        ("change_address", {"contact": "answers@example.com", "email_address": "b@example.com"}),
        ("erase_contact", {"contact": "answers@example.com"}),
    ):
        report(f"{name} does not", ask(body, server=STANDBY_MODEL, path=f"/rpc/{name}"), wanted)

    os.kill(int(STANDBY_PID), signal.SIGINT)
    try:
        for _ in range(1200):
            psycopg.connect("port=5433").close()
            time.sleep(0.05)
        raise TimeoutError("the standby does not stop")
    except psycopg.OperationalError:
        pass
    answers = [ask(contact("standby"), server=STANDBY_NGINX)[:2] for _ in range(3)]
    report("503, PGRST000: PostgreSQL is not there", ([status for status, _ in answers], answers[-1][1]), ([503] * 3, "PGRST000"))


def documented():
    """Each row of the table names a status that was answered, and each code in it was answered with one of its statuses."""
    with open(os.path.join("docs", "http.md"), encoding="utf-8") as page:
        section = page.read().split("\n## Answers\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if re.match(r"\| \d", line)]
    report("there are rows", len(rows) > 15, True)
    named = set()
    for statuses, when, by in rows:
        answered = {code for status, code in seen if str(status) in re.findall(r"\d+", statuses)}
        codes = set(re.findall(r"\b(?:PGRST\d{3}|[0-9A-Z]{5})\b", by))
        named |= codes
        report(f"docs/http.md, {statuses}: {when[:40]}", (bool(answered), codes - answered), (True, set()))
    report("docs/http.md names each code that was answered", {code for _, code in seen if code} - named, set())


for topic in (requests, installation, waiting, read_only, standby, documented):
    topic()
harness.end()
