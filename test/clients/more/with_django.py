"""Django, on psycopg2."""

import datetime

import django
from django.conf import settings

# region: settings
import os

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ.get("PGDATABASE"),
        "DISABLE_SERVER_SIDE_CURSORS": "POOLED" in os.environ,  # true for a pooler that pools transactions
    }
}
# end region
settings.configure(DATABASES=DATABASES, USE_TZ=True)
django.setup()

# region: call
import json

from django.db import connection


def upsert(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT contact_upsert(%s::jsonb)", [json.dumps(request)])
        return cursor.fetchone()[0]  # text in a cursor: json.loads() of it


def upsert_many(requests):
    with connection.cursor() as cursor:
        cursor.execute("SELECT position, outcome, version, error FROM contacts.upsert_many(%s::jsonb)", [json.dumps(requests)])
        columns = [column.name for column in cursor.description]
        return [dict(zip(columns, row)) for row in cursor]
# end region


def preview(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT outcome, version, changes, error FROM contacts.preview(%s::jsonb)", [json.dumps(request)])
        columns = [column.name for column in cursor.description]
        return [dict(zip(columns, row)) for row in cursor]


def upsert_text(text):
    with connection.cursor() as cursor:
        cursor.execute("SELECT contact_upsert(%s::jsonb)::text", [text])
        return cursor.fetchone()[0]


def run_sql(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


# region: error
def failure(error):
    diagnostics = error.__cause__.diag  # psycopg2's error, or psycopg's
    return {
        "sqlstate": diagnostics.sqlstate,
        "message": diagnostics.message_primary,
        "detail": diagnostics.message_detail,  # json.loads() of it has the code
        "hint": diagnostics.message_hint,
    }
# end region


def upsert_bare(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT contact_upsert(%s)", [request])
        return cursor.fetchone()[0]


if __name__ == "__main__":
    from django.core.serializers.json import DjangoJSONEncoder
    from django.db import Error, transaction
    from steps import run_steps

    value = {"email_address": "value@example.com"}
    run_steps(
        connection,
        {
            "client": "Django",
            "version": django.__version__,
            "jsonb": "text",
            "numbers": "integers",
            "bigint": "number",
            "outcomes": {
                "upsert_nan": "rejected",
                "upsert_date": "stored",
                "upsert_half_emoji": "rejected",
                "upsert_bare_object": {"refused": "ProgrammingError: can't adapt type 'dict'"},
                "upsert_bare_array": {"refused": "ProgrammingError: can't adapt type 'dict'"},
                "upsert_bare_text": "stored",
            },
        },
        {
            "upsert": lambda _, request: upsert(request),
            "upsert_many": lambda _, requests: upsert_many(requests),
            "preview": lambda _, request: preview(request),
            "upsert_text": lambda _, text: upsert_text(text),
            "sql": lambda _, sql: run_sql(sql),
            "upsert_nan": lambda *_: upsert(value | {"fields": {"amount": float("nan")}}),
            "upsert_date": lambda *_: upsert_text(
                json.dumps(
                    value | {"fields": {"birthday": datetime.datetime(2024, 3, 1, 1, 30, tzinfo=datetime.timezone.utc)}},
                    cls=DjangoJSONEncoder,
                )
            ),
            "upsert_half_emoji": lambda *_: upsert(value | {"fields": {"name": "\ud83d"}}),
            "upsert_bare_object": lambda *_: upsert_bare(value),
            "upsert_bare_array": lambda *_: upsert_bare([value]),
            "upsert_bare_text": lambda *_: upsert_bare(json.dumps(value)),
        },
        block=lambda _: transaction.atomic(),
        failure=failure,
        database_error=Error,
    )
