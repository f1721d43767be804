# region: migration
from alembic import op


def upgrade():
    op.execute("SELECT contacts.define_field('first_name', 'First Name'), contacts.define_tag('vip')")


def downgrade():
    op.execute("DELETE FROM contacts.field WHERE workspace_id = 1 AND merge_tag = 'first_name'")
# end region
