"""asyncpg."""

import asyncio
import contextlib
import datetime
import os
import sys

# region: connect
import json

import asyncpg


async def connect(**options):
    connection = await asyncpg.connect(**options)
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
    return connection
# end region

from steps import refused


# region: call
async def upsert(connection, request):
    return await connection.fetchval("SELECT contact_upsert($1)", request)


async def upsert_many(connection, requests):
    rows = await connection.fetch("SELECT position, outcome, version, error FROM contacts.upsert_many($1)", requests)
    return [dict(row) for row in rows]
# end region


async def preview(connection, request):
    rows = await connection.fetch("SELECT outcome, version, changes, error FROM contacts.preview($1)", request)
    return [dict(row) for row in rows]


# region: text
async def upsert_text(connection, text):
    return await connection.fetchval("SELECT contact_upsert($1::text::jsonb)::text", text)
# end region


# region: error
def failure(error):
    return {
        "sqlstate": error.sqlstate,
        "message": error.message,
        "detail": error.detail,  # json.loads() of it has the code
        "hint": error.hint,
    }
# end region


async def run_sql(connection, sql):
    await connection.execute(sql)


def upsert_value(value):
    return lambda connection, _: upsert(connection, {"email_address": "value@example.com", "fields": value})


CALLS = {
    "upsert": upsert,
    "upsert_many": upsert_many,
    "preview": preview,
    "upsert_text": upsert_text,
    "sql": run_sql,
    "upsert_nan": upsert_value({"amount": float("nan")}),
    "upsert_date": upsert_value({"birthday": datetime.datetime(2024, 3, 1, 1, 30, tzinfo=datetime.timezone.utc)}),
    "upsert_half_emoji": upsert_value({"name": "\ud83d"}),
}
OUTCOMES = {"upsert_nan": "rejected", "upsert_date": {"refused": "DataError: invalid input for query argument $1"}, "upsert_half_emoji": "rejected"}


async def run(connection, step):
    try:
        if "steps" in step:
            async with connection.transaction():
                for inner in step["steps"]:
                    await run(connection, inner)
        elif step["do"] in CALLS:
            print(json.dumps({"step": step["name"], "answer": await CALLS[step["do"]](connection, step.get("send"))}))
    except asyncpg.PostgresError as error:
        if "steps" in step:  # the block is rolled back: on with what is behind it
            return
        # Its own DataError has the class of the server's, and no message.
        print(json.dumps({"step": step["name"], **({"error": failure(error)} if failure(error)["message"] else refused(error))}))
        raise


async def main():
    connection = await connect(**({"statement_cache_size": 0} if os.environ.get("POOLED") else {}))
    print(json.dumps({"client": "asyncpg", "version": asyncpg.__version__, "jsonb": "parsed", "numbers": "integers", "bigint": "number", "outcomes": OUTCOMES}))
    with open(sys.argv[1], encoding="utf-8") as table:
        steps = json.load(table)["steps"]
    for step in steps:
        try:
            await run(connection, step)
        except asyncpg.PostgresError:
            pass  # said above
        except Exception as error:  # the driver's own: it has sent nothing
            print(json.dumps({"step": step["name"], **refused(error)}))
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main())
