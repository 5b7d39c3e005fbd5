"""What persons did with items, and the vectors of items' texts."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0006", "0005"


def upgrade() -> None:
    op.create_table(
        "recommend_deeds",
        sa.Column("number", sa.BigInteger(), primary_key=True),
        sa.Column("person", sa.String(200), nullable=False),
        sa.Column("item", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("happened", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Float(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("list", sa.String(64), nullable=False),
    )
    op.create_index("recommend_deeds_of_a_person", "recommend_deeds", ["person", "happened"])
    op.create_table(
        "recommend_vectors",
        sa.Column("version", sa.String(64), primary_key=True),
        sa.Column("text", sa.String(64), primary_key=True),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
    )


def downgrade() -> None:
    for table in ("recommend_vectors", "recommend_deeds"):
        op.drop_table(table)
