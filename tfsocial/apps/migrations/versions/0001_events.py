"""The log of events, and how far each consumer of it is."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # which SQLite counts by itself
    op.create_table(
        "events",
        sa.Column("number", number, primary_key=True, autoincrement=True),
        sa.Column("stream", sa.String(100), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("happened", sa.BigInteger(), nullable=False),
        sa.Column("arrived", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.String(200), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.UniqueConstraint("stream", "key", name="one_event_a_key"),
        sqlite_autoincrement=True,  # a number is never given twice
    )
    op.create_index("events_of_a_stream", "events", ["stream", "number"])
    op.create_index("events_of_a_person", "events", ["person"])
    op.create_table(
        "consumers",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("after", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("consumers")
    op.drop_table("events")
