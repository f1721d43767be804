"""Alembic: runs a migration as the application's role, and prints what autogenerate would change."""

import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations

import alembic_migration

# region: filter
def include_name(name, type_, parent_names):
    """For context.configure() in env.py: autogenerate leaves these schemas alone."""
    return type_ != "schema" or name not in ("contacts", "contacts_internal")
# end region


engine = sqlalchemy.create_engine("postgresql+psycopg2://migrations_app@")
metadata = sqlalchemy.MetaData()
with engine.begin() as connection:
    with Operations.context(MigrationContext.configure(connection)):
        alembic_migration.upgrade()
        alembic_migration.downgrade()
        alembic_migration.upgrade()
with engine.connect() as connection:
    for options in ({}, {"include_schemas": True}, {"include_schemas": True, "include_name": include_name}):
        context = MigrationContext.configure(connection, opts=options)
        print(len([one for one in compare_metadata(context, metadata) if one[0] == "remove_table"]))
