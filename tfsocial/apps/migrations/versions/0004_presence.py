"""Who was at the desk of customer service, and when."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0004", "0003"


def upgrade() -> None:
    op.create_table(
        "support_presence",
        sa.Column("agent", sa.String(200), primary_key=True),
        sa.Column("seen", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("support_presence")
