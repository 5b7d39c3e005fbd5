"""Packages that are imported only when they are asked for."""

from __future__ import annotations

import importlib
from types import ModuleType

from tfsocial.errors import InputError


def library(module: str, package: str, extra: str, where: str) -> ModuleType:
    """Import a module of a package that an extra brings.

    Args:
        where: what needs it, as the user knows it.

    Raises:
        InputError: it cannot be imported; says what to install.

    >>> library("no_such_module", "no-such-package", "data", "hub:imdb")
    Traceback (most recent call last):
    ...
    tfsocial.errors.InputError: hub:imdb: needs the package no-such-package, which cannot be \
imported (No module named 'no_such_module'); pip install 'tfsocial[data]'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"{where}: needs the package {package}, which cannot be imported ({error}); "
            f"pip install 'tfsocial[{extra}]'"
        ) from None
