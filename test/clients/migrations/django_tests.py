"""Django's test runner, as the application's role: it makes a database from the template, runs the migrations in it, and then a test."""

import sys

import django
from django.conf import settings

# region: settings
import os

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ.get("PGDATABASE"),
        "USER": "migrations_app",
        "TEST": {"TEMPLATE": os.environ.get("TEMPLATE", "contacts_template")},
    }
}
# end region
settings.configure(DATABASES=DATABASES, INSTALLED_APPS=["crm"], USE_TZ=True)
django.setup()

from django.db import connection
from django.test import TestCase
from django.test.utils import get_runner


class ContactTest(TestCase):
    def test_upsert(self):
        with connection.cursor() as cursor:
            cursor.execute("""SELECT outcome FROM contacts.apply('{"email_address": "a@example.com", "fields": {"first_name": "A"}}')""")
            self.assertEqual(cursor.fetchall(), [("created",)])
            cursor.execute("SELECT current_database(), count(*) FROM contacts.contact")
            self.assertEqual(cursor.fetchall(), [("test_" + os.environ["PGDATABASE"], 1)])


sys.exit(get_runner(settings)(interactive=False).run_tests(["__main__"]))
