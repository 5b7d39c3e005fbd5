"""How far each source was read; counts by time of happening, and the watermark of each series."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    op.create_table(
        "positions",
        sa.Column("source", sa.String(500), primary_key=True),
        sa.Column("position", sa.Text(), nullable=False),
    )
    op.create_table(
        "buckets",
        sa.Column("series", sa.String(100), primary_key=True),
        sa.Column("label", sa.String(200), primary_key=True),
        sa.Column("start", sa.BigInteger(), primary_key=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
    )
    op.create_index("buckets_of_a_time", "buckets", ["series", "start"])
    op.create_table(
        "watermarks",
        sa.Column("series", sa.String(100), primary_key=True),
        sa.Column("latest", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("watermarks")
    op.drop_table("buckets")
    op.drop_table("positions")
