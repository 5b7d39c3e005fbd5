"""The applications' database: a file of SQLite, or PostgreSQL by its address.

Its tables are made and changed by Alembic, in migrations/.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from tfsocial.errors import InputError

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY = 30.0  # seconds that a writer waits for another
LOCK = 7_461_034  # any number: who changes what, on PostgreSQL, holds a lock of this name

WRITES = "tfsocial_writes"


def open_database(url: str) -> Engine:
    """Open a database, with its tables as this version has them.

    Args:
        url: sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME.

    Raises:
        InputError: it cannot be opened, or a newer version has changed it.
    """
    engine = _engine(url)
    try:
        with writing(engine) as connection:
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        engine.dispose()
        raise InputError(
            f"database={_shown(url)}: is of a newer version ({error}); update tfsocial"
        ) from None
    except SQLAlchemyError as error:
        engine.dispose()
        raise InputError(f"database={_shown(url)}: {_said(error)}") from None
    return engine


def _engine(url: str) -> Engine:
    """Make what connects to a database; nothing is connected yet.

    Raises:
        InputError: the address is none, or its package is not installed.
    """
    try:
        engine = sa.create_engine(url, pool_pre_ping=True)
    except (ArgumentError, ImportError, ValueError) as error:
        raise InputError(
            f"database={_shown(url)}: is no address of a database ({error}); write "
            "sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
        ) from None
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _set_up_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    elif engine.dialect.name != "postgresql":
        raise InputError(f"database={_shown(url)}: is neither SQLite nor PostgreSQL")
    return engine


def _shown(url: str) -> str:
    """Leave out of an address, a broken one too, what may be secret: user, password, options.

    >>> _shown("postgresql+psycopg://me:pass@word@host/name?password=other")
    'postgresql+psycopg://***@host/name'
    """
    before, at, after = url.partition("?")[0].rpartition("@")
    kind, _, _ = before.partition("://")
    return f"{kind if '://' in before else ''}://***@{after}" if at else after


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction that writes; it is kept if the block ends well, and else undone.

    One at a time: on SQLite by its lock, on PostgreSQL by a lock of this program. So what is
    written first also has the lower number, and a reader who goes by numbers misses nothing.
    """
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        yield connection


def compact(engine: Engine) -> None:
    """Leave nothing on the disk of what was deleted.

    On SQLite this holds for its file and its log; PostgreSQL keeps its log, and what archives of
    it there are, as its own settings say.
    """
    if engine.dialect.name == "sqlite":
        with contextlib.closing(engine.raw_connection()) as raw:  # without a transaction
            raw.cursor().execute("VACUUM")
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM")


def _set_up_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # transactions begin below, not where Python thinks
    for pragma in (
        "journal_mode = WAL",  # readers and a writer at once
        "synchronous = FULL",  # what was answered for outlives a power cut
        "foreign_keys = ON",
        "secure_delete = ON",
        f"busy_timeout = {round(1000 * BUSY)}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A reader that begins to write later could not: somebody else may have written meanwhile.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _said(error: SQLAlchemyError) -> str:
    reason = str(getattr(error, "orig", None) or error)
    return f"the database cannot be used ({' '.join(reason.split())})"
