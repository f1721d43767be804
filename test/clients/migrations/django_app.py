"""Django: runs a migration as the application's role."""

import os

import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"], "USER": "migrations_app"}},
    INSTALLED_APPS=["crm"],
    USE_TZ=True,
)
django.setup()

from django.core.management import call_command

call_command("migrate", verbosity=0)
call_command("migrate", "crm", "zero", verbosity=0)
call_command("migrate", verbosity=0)
