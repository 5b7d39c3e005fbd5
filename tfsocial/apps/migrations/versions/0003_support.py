"""The desk of customer service."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"


def upgrade() -> None:
    op.create_table(
        "support_desk",
        sa.Column("talk", sa.String(64), primary_key=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("agent", sa.String(200), nullable=False),
    )
    op.create_index("support_desk_in_order", "support_desk", ["state", "since"])


def downgrade() -> None:
    op.drop_table("support_desk")
