"""limits of a site's line, and an account's for its sites."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for table in ("accounts", "sites"):
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column("line_limits", sa.JSON(none_as_null=True), nullable=True))
