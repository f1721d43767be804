"""Runs requests.json through the Python drivers, each as docs/api.md, "The call" says, and prints TAP.

A driver gets the request as an object of its own and must give back the answer as one, or raise its data error with the
message, SQLSTATE and DETAIL of docs/api.md, "Errors". Wants PGHOST and the like.
"""

import json
import pathlib
import sys

import psycopg2
import psycopg2.extras

try:
    import psycopg
    from psycopg.types.json import Jsonb
except ImportError:  # Debian 11 has no psycopg 3
    psycopg = None


def with_psycopg(connection, request):
    return connection.execute("SELECT contact_upsert(%s)", [Jsonb(request)]).fetchone()[0]


def with_psycopg_prepared(connection, request):
    return connection.execute("SELECT contact_upsert(%s)", [Jsonb(request)], prepare=True).fetchone()[0]


def with_psycopg2(connection, request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT contact_upsert(%s::jsonb)", [psycopg2.extras.Json(request)])
        return cursor.fetchone()[0]


DATA_ERRORS = (psycopg2.DataError,) + ((psycopg.DataError,) if psycopg else ())


def outcome(call, connection, request):
    """What the table says: data of the answer, or the error."""
    try:
        return {"data": call(connection, request)["data"]["data"]}
    except DATA_ERRORS as error:
        return {
            "sqlstate": error.diag.sqlstate,
            "message": error.diag.message_primary,
            "code": json.loads(error.diag.message_detail)["code"],
        }


def main():
    table = json.loads(pathlib.Path(__file__).with_name("requests.json").read_text(encoding="utf-8"))
    drivers = [("psycopg2", with_psycopg2, psycopg2.connect(""))]
    drivers[0][2].autocommit = True
    if psycopg:
        drivers.append(("psycopg", with_psycopg, psycopg.connect("", autocommit=True)))
        drivers.append(("psycopg, prepared", with_psycopg_prepared, psycopg.connect("", autocommit=True)))
    failed = number = 0
    print(f"1..{len(drivers) * len(table)}")
    for name, call, connection in drivers:
        for row in table:
            number += 1
            got = outcome(call, connection, row["request"])
            good = got == {key: value for key, value in row.items() if key != "request"}
            failed += not good
            print(f"{'ok' if good else 'not ok'} {number} - {name}: {json.dumps(row['request'])}")
            if not good:
                print(f"# got: {got}")
    return failed > 0


sys.exit(main())
