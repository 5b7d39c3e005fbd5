"""Opinions on topics, by which copies are found, and what is sent of alarms."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0005", "0004"


def upgrade() -> None:
    op.create_table(
        "monitor_opinions",
        sa.Column("version", sa.String(64), primary_key=True),
        sa.Column("number", sa.BigInteger(), primary_key=True),
        sa.Column("topic", sa.String(150), primary_key=True),
        sa.Column("happened", sa.BigInteger(), nullable=False),
        sa.Column("sentiment", sa.String(200), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("copy_of", sa.BigInteger(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("author", sa.String(16), nullable=False),
        sa.Column("source", sa.String(200), nullable=False),
    )
    op.create_index(
        "monitor_opinions_of_a_topic", "monitor_opinions", ["version", "topic", "happened"]
    )
    op.create_index("monitor_opinions_of_an_author", "monitor_opinions", ["version", "author"])
    op.create_table(
        "monitor_bands",
        sa.Column("version", sa.String(64), primary_key=True),
        sa.Column("band", sa.BigInteger(), primary_key=True),
        sa.Column("number", sa.BigInteger(), primary_key=True),
        sa.Column("happened", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "monitor_deliveries",
        sa.Column("event", sa.BigInteger(), primary_key=True),
        sa.Column("target", sa.String(200), primary_key=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("error", sa.String(200), nullable=False),
    )


def downgrade() -> None:
    for table in ("monitor_deliveries", "monitor_bands", "monitor_opinions"):
        op.drop_table(table)
