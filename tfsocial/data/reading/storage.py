"""The bytes and the lines of a file, plain or .gz, local or gs://.

Lines are counted as an editor counts them: physical lines from 1.
"""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Iterator
from typing import IO, Any

from tfsocial.errors import InputError


def lines_of(file: str) -> Iterator[str]:
    """Read physical lines with their ends; bytes that are no UTF-8 become lone surrogates.

    Splitting comes before decoding, so that a broken byte hurts its own line only.
    """
    with file_errors(file), _opened(file) as stream:
        first = stream.readline()
        if first.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise InputError(f"{file}: is UTF-16; save it as UTF-8")
        first = first.removeprefix(b"\xef\xbb\xbf")
        # Without any line feed this is the whole file, and its lines may end in lone CR.
        yield from map(_decoded, [first] if first.endswith(b"\n") else first.splitlines(True))
        yield from map(_decoded, stream)


@contextlib.contextmanager
def _opened(file: str) -> Iterator[IO[bytes] | gzip.GzipFile]:
    with raw(file) as stream:
        if file.lower().endswith(".gz"):
            with gzip.GzipFile(fileobj=stream) as unpacked:
                yield unpacked
        else:
            yield stream


def raw(file: str) -> Any:
    """Open a file's bytes as they are stored, local or gs://; a context manager."""
    if "://" not in file:
        return open(file, "rb")
    import tensorflow as tf

    return tf.io.gfile.GFile(file, "rb")


_BLOCK = 2**20


def blocks(file: str) -> Iterator[bytes]:
    """Read a file's bytes as they are stored, a part at a time.

    Raises:
        InputError: it cannot be read.
    """
    with file_errors(file), raw(file) as stream:
        while block := stream.read(_BLOCK):
            yield block


@contextlib.contextmanager
def file_errors(file: str) -> Iterator[None]:
    """Turn what goes wrong while a file is read into an InputError that names it."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(
            f"{file}: the gzip data is cut short or damaged; fetch the file again"
        ) from None
    except _reading_errors(file) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "message", error)
        raise unreadable(file, reason) from None


def unreadable(file: str, reason: object) -> InputError:
    """Say in one line that a file cannot be read; what a bucket says has several."""
    check = "the path, the network and the credentials" if "://" in file else "the path"
    return InputError(f"{file}: cannot be read ({' '.join(str(reason).split())}); check {check}")


def _reading_errors(file: str) -> tuple[type[Exception], ...]:
    """List what may be raised while a file is read, which is another package's if it is remote."""
    if "://" not in file:
        return (OSError,)
    import tensorflow as tf

    return OSError, tf.errors.OpError


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("utf-8", "surrogateescape")
