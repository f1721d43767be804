# region: migration
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = []
    operations = [
        migrations.RunSQL(
            "SELECT contacts.define_field('first_name', 'First Name'), contacts.define_tag('vip')",
            "DELETE FROM contacts.field WHERE workspace_id = 1 AND merge_tag = 'first_name'",
        ),
    ]
# end region
