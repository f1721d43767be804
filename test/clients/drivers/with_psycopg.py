"""psycopg 3."""

import datetime
import os

# region: connect
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

connection = psycopg.connect("", autocommit=True)
# end region

if os.environ.get("POOLED"):
    connection.prepare_threshold = None


# region: call
def upsert(connection, request):
    return connection.execute("SELECT contact_upsert(%s)", [Jsonb(request)]).fetchone()[0]


def upsert_many(connection, requests):
    cursor = connection.cursor(row_factory=dict_row)
    return cursor.execute("SELECT position, outcome, version, error FROM contacts.upsert_many(%s)", [Jsonb(requests)]).fetchall()
# end region


def preview(connection, request):
    cursor = connection.cursor(row_factory=dict_row)
    return cursor.execute("SELECT outcome, version, changes, error FROM contacts.preview(%s)", [Jsonb(request)]).fetchall()


# region: text
def upsert_text(connection, text):
    return connection.execute("SELECT contact_upsert(%s::jsonb)::text", [text]).fetchone()[0]
# end region


# region: error
def failure(error):
    return {
        "sqlstate": error.sqlstate,
        "message": error.diag.message_primary,
        "detail": error.diag.message_detail,  # json.loads() of it has the code
        "hint": error.diag.message_hint,
    }
# end region


def upsert_value(value):
    return lambda connection, _: upsert(connection, {"email_address": "value@example.com", "fields": value})


def upsert_bare(request):
    return lambda connection, _: connection.execute("SELECT contact_upsert(%s)", [request]).fetchone()[0]


if __name__ == "__main__":
    from steps import run_steps

    run_steps(
        connection,
        {
            "client": "psycopg",
            "version": psycopg.__version__,
            "jsonb": "parsed",
            "numbers": "integers",
            "bigint": "number",
            "outcomes": {
                "upsert_nan": "rejected",
                "upsert_date": {"refused": "TypeError: Object of type datetime is not JSON serializable"},
                "upsert_half_emoji": "rejected",
                "upsert_bare_object": {"refused": "ProgrammingError: cannot adapt type 'dict'"},
                "upsert_bare_array": {"refused": "ProgrammingError: cannot adapt type 'dict'"},
                "upsert_bare_text": "stored",
            },
        },
        {
            "upsert": upsert,
            "upsert_many": upsert_many,
            "preview": preview,
            "upsert_text": upsert_text,
            "sql": lambda connection, sql: connection.execute(sql) and None,
            "upsert_nan": upsert_value({"amount": float("nan")}),
            "upsert_date": upsert_value({"birthday": datetime.datetime(2024, 3, 1, 1, 30, tzinfo=datetime.timezone.utc)}),
            "upsert_half_emoji": upsert_value({"name": "\ud83d"}),
            "upsert_bare_object": upsert_bare({"email_address": "value@example.com"}),
            "upsert_bare_array": upsert_bare([{"email_address": "value@example.com"}]),
            "upsert_bare_text": upsert_bare('{"email_address": "value@example.com"}'),
        },
        block=lambda connection: connection.transaction(),
        failure=failure,
        database_error=psycopg.Error,
    )
