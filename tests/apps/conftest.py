"""A database of each kind, empty for each test."""

from __future__ import annotations

import itertools

import pytest
import sqlalchemy as sa

from tfsocial.apps.database import open_database

_NUMBERS = itertools.count(1)


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)], ids=["sqlite", "pg"]
)
def url(request, tmp_path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'events.db'}"
    server = request.getfixturevalue("postgresql")
    name = f"test_{next(_NUMBERS)}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return server.rpartition("/")[0] + f"/{name}"


@pytest.fixture
def engine(url):
    """An empty database, opened."""
    found = open_database(url)
    yield found
    found.dispose()
