"""psycopg2."""

import contextlib
import datetime

# region: connect
import psycopg2
from psycopg2.extras import Json, RealDictCursor

connection = psycopg2.connect("")
connection.autocommit = True
# end region


# region: call
def upsert(connection, request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT contact_upsert(%s::jsonb)", [Json(request)])
        return cursor.fetchone()[0]


def upsert_many(connection, requests):
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute("SELECT position, outcome, version, error FROM contacts.upsert_many(%s::jsonb)", [Json(requests)])
        return cursor.fetchall()
# end region


def preview(connection, request):
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute("SELECT outcome, version, changes, error FROM contacts.preview(%s::jsonb)", [Json(request)])
        return cursor.fetchall()


def upsert_text(connection, text):
    with connection.cursor() as cursor:
        cursor.execute("SELECT contact_upsert(%s::jsonb)::text", [text])
        return cursor.fetchone()[0]


def run_sql(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


@contextlib.contextmanager
def block(connection):
    idle = connection.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_IDLE
    run_sql(connection, "BEGIN" if idle else "SAVEPOINT inside")
    try:
        yield
    except BaseException:
        run_sql(connection, "ROLLBACK" if idle else "ROLLBACK TO SAVEPOINT inside")
        raise
    run_sql(connection, "COMMIT" if idle else "RELEASE SAVEPOINT inside")


# region: error
def failure(error):
    return {
        "sqlstate": error.pgcode,
        "message": error.diag.message_primary,
        "detail": error.diag.message_detail,  # json.loads() of it has the code
        "hint": error.diag.message_hint,
    }
# end region


def upsert_value(value):
    return lambda connection, _: upsert(connection, {"email_address": "value@example.com", "fields": value})


def upsert_bare(request):
    def call(connection, _):
        with connection.cursor() as cursor:
            cursor.execute("SELECT contact_upsert(%s)", [request])
            return cursor.fetchone()[0]

    return call


if __name__ == "__main__":
    from steps import run_steps

    run_steps(
        connection,
        {
            "client": "psycopg2",
            "version": psycopg2.__version__.split()[0],
            "jsonb": "parsed",
            "numbers": "integers",
            "bigint": "number",
            "outcomes": {
                "upsert_nan": "rejected",
                "upsert_date": {"refused": "TypeError: Object of type datetime is not JSON serializable"},
                "upsert_half_emoji": "rejected",
                "upsert_bare_object": {"refused": "ProgrammingError: can't adapt type 'dict'"},
                "upsert_bare_array": {"refused": "ProgrammingError: can't adapt type 'dict'"},
                "upsert_bare_text": "stored",
            },
        },
        {
            "upsert": upsert,
            "upsert_many": upsert_many,
            "preview": preview,
            "upsert_text": upsert_text,
            "sql": run_sql,
            "upsert_nan": upsert_value({"amount": float("nan")}),
            "upsert_date": upsert_value({"birthday": datetime.datetime(2024, 3, 1, 1, 30, tzinfo=datetime.timezone.utc)}),
            "upsert_half_emoji": upsert_value({"name": "\ud83d"}),
            "upsert_bare_object": upsert_bare({"email_address": "value@example.com"}),
            "upsert_bare_array": upsert_bare([{"email_address": "value@example.com"}]),
            "upsert_bare_text": upsert_bare('{"email_address": "value@example.com"}'),
        },
        block=block,
        failure=failure,
        database_error=psycopg2.Error,
    )
