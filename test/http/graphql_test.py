"""The requests of check_postgraphile.sh, to PostGraphile. Prints TAP.

Usage: graphql_test.py URL SECRET MUTATION: the address, the secret of tokens, the mutation of docs/http.md.
"""

import json
import re
import sys
import time
import urllib.error
import urllib.request

import harness
import psycopg
from harness import report

URL, SECRET, MUTATION = sys.argv[1:]
db = psycopg.connect("", autocommit=True)


def token(claims, secret=SECRET):
    return harness.token(claims, secret)


MEMBER = token({"role": "contacts_member"})


def post(query, bearer, variables):
    """Returns status and body."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    request = urllib.request.Request(URL, json.dumps({"query": query, "variables": variables}).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def call(query, bearer=MEMBER, **variables):
    """Returns the value of the one field that is asked for, or the first error."""
    _, body = post(query, bearer, variables)
    if body.get("errors"):
        return body["errors"][0]
    return list(body["data"].values())[0]


def upsert(request, bearer=MEMBER):
    answer = call(MUTATION, bearer, request=request)
    return answer.get("json", answer)


def schema():
    shown = call("{ __schema { queryType { fields { name } } mutationType { fields { name } } types { name fields { name } } } }", None)
    names = lambda kind: sorted(field["name"] for field in shown[kind]["fields"])
    reads = "exportContact getContact listFields listTags node nodeId previewContact query requestSchema searchContacts workspaceId"
    report("queries", names("queryType"), reads.split())
    report("mutations", names("mutationType"), "changeAddress eraseContact upsertContact upsertContacts".split())
    # What else it shows must not stem from a table, type or function of the extension's.
    own = set(names("queryType") + names("mutationType"))
    everything = {name for shape in shown["types"] for name in [shape["name"], *(field["name"] for field in shape["fields"] or [])]} - own
    plain = lambda name: re.sub(r"[^a-z]", "", name.lower())
    rows = db.execute(
        """
        SELECT proname FROM pg_proc WHERE pronamespace IN ('contacts'::regnamespace, 'contacts_internal'::regnamespace)
        UNION SELECT relname FROM pg_class WHERE relnamespace IN ('contacts'::regnamespace, 'contacts_internal'::regnamespace)
        UNION SELECT typname FROM pg_type WHERE typnamespace IN ('contacts'::regnamespace, 'contacts_internal'::regnamespace)
        """
    )
    internals = {plain(name) for (name,) in rows}
    report("there are internals to look for", len(internals) > 200, True)
    report("none of them is shown", sorted(name for name in everything if plain(name) in internals and not name.startswith("__")), [])


def requests():
    request = {
        "email_address": "tywin@example.com",
        "fields": {"first_name": "Tywin", "last_name": "Lannister"},
        "tags": [1, 2],
        "status": "SUBSCRIBED",
        "partial_update": True,
    }
    data = upsert(request)["data"]
    report("a mutation answers the page's envelope", sorted(data), "created_at data id statistics status tags updated_at".split())
    report("with its tags", data["tags"], [{"id": 1, "name": "newsletter"}, {"id": 2, "name": "vip"}])
    report("with its fields", data["data"], {"email_address": "tywin@example.com", "first_name": "Tywin", "last_name": "Lannister"})
    report("the contact is there", db.execute("SELECT workspace_id FROM contacts.contact WHERE id = %s", [data["id"]]).fetchall(), [(1,)])
    report("a query reads it", call("{ getContact(contact: \"tywin@example.com\") }")["data"]["id"], data["id"])

    before = db.execute("SELECT count(*) FROM contacts.contact").fetchall()
    for bad, sqlstate, message in (
        ({}, "22004", "Email address is required for upsert operation."),
        (
            {"email_address": "a@example.com", "fields": {"x": 1}},
            "22023",
            "We were unable to find a field with the merge_tag x",
        ),
        ({"email_address": "a@example.com", "status": "x"}, "22023", "The status you provided is not valid."),
        ([], "22023", "The request must be a JSON object."),
        (json.dumps({"email_address": "a@example.com"}), "22023", "The request must be a JSON object."),
    ):
        error = upsert(bad)
        report(f"{json.dumps(bad)[:40]}: {message}", (error["errcode"], error["message"]), (sqlstate, message))
    report("DETAIL is for programs", json.loads(upsert({})["detail"]), {"code": "EMAIL_REQUIRED", "field": "email_address", "status": 400})
    report("nothing is written by them", db.execute("SELECT count(*) FROM contacts.contact").fetchall(), before)


def tokens():
    request = {"email_address": "tokens@example.com", "fields": {"name": "T"}}
    status = lambda bearer: post(MUTATION, bearer, {"request": request})[0]
    report("without a token nothing may be called", upsert(request, None)["errcode"], "42501")
    report("a token with another secret", status(token({"role": "contacts_member"}, "x" * 40)), 403)
    report("one that has expired", status(token({"role": "contacts_member", "exp": int(time.time()) - 60})), 401)
    report("one of the superuser", upsert(request, token({"role": db.info.user}))["message"], f'permission denied to set role "{db.info.user}"')
    both = lambda claim: token({"role": "contact_upsert_both", "workspace_id": claim})
    where = lambda: db.execute("DELETE FROM contacts.contact WHERE email_address = 'tokens@example.com' RETURNING workspace_id").fetchall()
    report("a claim chooses the workspace", ("data" in upsert(request, both(2)), where()), (True, [(2,)]))
    report("without one, a role of two workspaces is refused", upsert(request, token({"role": "contact_upsert_both"}))["errcode"], "28000")
    report("a claim that is no workspace", upsert(request, both("x"))["errcode"], "28000")
    two = token({"role": "contact_upsert_two", "workspace_id": 1})
    report("a claim does not make a member", upsert(request, two)["message"], "Workspace 1 does not exist.")
    report("nothing was written by them", where(), [])


for topic in (schema, requests, tokens):
    topic()
harness.end()
