"""${message}.

Why: say what made the change necessary, and how long it locks which table.
"""

# Before you commit this file (and then delete these lines):
# * Both engines run it: PostgreSQL, and SQLite, which changes a table by copying it (`batch_alter_table`).
#   The copy loses the table's triggers: create them again in the same step.
# * The comparison with the models does not see changed CHECK constraints or any triggers: write them by
#   hand. One function per trigger, both engines in it:
#
#       if op.get_context().dialect.name == "sqlite":
#           op.execute("CREATE TRIGGER t BEFORE UPDATE ON x BEGIN SELECT RAISE(ABORT, '…'); END")
#       else:
#           op.execute("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ … $$")
#           op.execute("CREATE TRIGGER t BEFORE UPDATE ON x FOR EACH ROW EXECUTE FUNCTION f()")
#
# * Old and new code run side by side while a release rolls out: add first, use later, drop last.
# * A new NOT NULL column needs a server default, or the rows that are there will refuse it.
# * Import nothing from `loyalty`: this file must mean the same in five years.
# * `downgrade` undoes the step; where that would lose what customers own, raise
#   NotImplementedError with a sentence that says so.

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade():
    ${upgrades if upgrades else "pass"}


def downgrade():
    ${downgrades if downgrades else "pass"}
