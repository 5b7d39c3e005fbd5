"""Run by Alembic, on the connection that `database.open_database` gives it."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
