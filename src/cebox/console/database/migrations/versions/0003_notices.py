"""an account's notice before restarts and shutdowns."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("accounts") as batch:
        batch.add_column(sa.Column("notice", sa.JSON(none_as_null=True), nullable=True))
