"""SQLAlchemy, on psycopg2."""

import datetime

# region: connect
import sqlalchemy
from sqlalchemy.dialects.postgresql import JSONB

engine = sqlalchemy.create_engine("postgresql+psycopg2://")
# end region

# region: call
UPSERT = sqlalchemy.text("SELECT contact_upsert(:request)").bindparams(sqlalchemy.bindparam("request", type_=JSONB))
UPSERT_MANY = sqlalchemy.text("SELECT position, outcome, version, error FROM contacts.upsert_many(:requests)").bindparams(
    sqlalchemy.bindparam("requests", type_=JSONB)
)


def upsert(connection, request):
    return connection.execute(UPSERT, {"request": request}).scalar_one()


def upsert_many(connection, requests):
    return [dict(row._mapping) for row in connection.execute(UPSERT_MANY, {"requests": requests})]
# end region


PREVIEW = sqlalchemy.text("SELECT outcome, version, changes, error FROM contacts.preview(:request)").bindparams(
    sqlalchemy.bindparam("request", type_=JSONB)
)


def preview(connection, request):
    return [dict(row._mapping) for row in connection.execute(PREVIEW, {"request": request})]


def upsert_text(connection, text):
    return connection.execute(sqlalchemy.text("SELECT contact_upsert(CAST(:text AS jsonb))::text"), {"text": text}).scalar_one()


# region: error
def failure(error):
    diagnostics = error.orig.diag  # psycopg2's error, or psycopg's
    return {
        "sqlstate": diagnostics.sqlstate,
        "message": diagnostics.message_primary,
        "detail": diagnostics.message_detail,  # json.loads() of it has the code
        "hint": diagnostics.message_hint,
    }
# end region


def upsert_value(value):
    return lambda connection, _: upsert(connection, {"email_address": "value@example.com", "fields": value})


def upsert_bare(request):
    statement = sqlalchemy.text("SELECT contact_upsert(:request)")
    return lambda connection, _: connection.execute(statement, {"request": request}).scalar_one()


def each(call):
    """Outside of a block, in a transaction of its own."""

    def run(connection, send):
        if connection.in_transaction():
            return call(connection, send)
        with connection.begin():
            return call(connection, send)

    return run


def block(connection):
    return connection.begin_nested() if connection.in_transaction() else connection.begin()


if __name__ == "__main__":
    from steps import run_steps

    calls = {
        "upsert": upsert,
        "upsert_many": upsert_many,
        "preview": preview,
        "upsert_text": upsert_text,
        "sql": lambda connection, sql: connection.execute(sqlalchemy.text(sql)) and None,
        "upsert_nan": upsert_value({"amount": float("nan")}),
        "upsert_date": upsert_value({"birthday": datetime.datetime(2024, 3, 1, 1, 30, tzinfo=datetime.timezone.utc)}),
        "upsert_half_emoji": upsert_value({"name": "\ud83d"}),
        "upsert_bare_object": upsert_bare({"email_address": "value@example.com"}),
        "upsert_bare_array": upsert_bare([{"email_address": "value@example.com"}]),
        "upsert_bare_text": upsert_bare('{"email_address": "value@example.com"}'),
    }
    run_steps(
        engine.connect(),
        {
            "client": "SQLAlchemy",
            "version": sqlalchemy.__version__,
            "jsonb": "parsed",
            "numbers": "integers",
            "bigint": "number",
            "outcomes": {
                "upsert_nan": "rejected",
                "upsert_date": {"refused": "StatementError: (builtins.TypeError) Object of type datetime is not JSON serializable"},
                "upsert_half_emoji": "rejected",
                "upsert_bare_object": {"refused": "ProgrammingError: (psycopg2.ProgrammingError) can't adapt type 'dict'"},
                "upsert_bare_array": {"refused": "ProgrammingError: (psycopg2.ProgrammingError) can't adapt type 'dict'"},
                "upsert_bare_text": "stored",
            },
        },
        {kind: each(call) for kind, call in calls.items()},
        block=block,
        failure=failure,
        database_error=sqlalchemy.exc.DBAPIError,
    )
