"""Translators that need no model here: a service that the user runs, and a file of pairs."""

from __future__ import annotations

import http.client
import json
import logging
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field

from tfsocial.config import HttpTranslator, InputError, PairsTranslator
from tfsocial.data import paths, provenance, rows
from tfsocial.data.provenance import Resource
from tfsocial.data.rows import BadRow

log = logging.getLogger(__name__)

FIRST_PAUSE = 1.0  # seconds before the first further attempt; each next one waits twice as long
LONGEST_PAUSE = 60.0
_TOO_BUSY = 429
_SERVERS_FAULT = 500


class _FailureError(Exception):
    """An attempt that failed; the message says how."""

    def __init__(self, reason: str, passing: bool):
        super().__init__(reason)
        self.passing = passing  # another attempt may do better


@dataclass(frozen=True)
class Http:
    """Posts texts to a service and takes its answers.

    The body is the JSON object {"texts": [...], "draw": n}, where n is 0 for a text's first
    paraphrase, 1 for its second and so on; a service may ignore it. The answer, with status 200,
    is the JSON object {"translations": [...]}: a string for each text, in the order of the texts,
    empty where there is none. These are to be back in the language of the texts.

    Attributes:
        wait: sleeps so many seconds.
    """

    knobs: HttpTranslator
    wait: Callable[[float], None] = time.sleep

    def __call__(self, texts: list[str], draw: int = 0) -> list[str]:
        """Tries again, ever later, where that may help: no answer, or a status of 429 or 5xx.

        Raises:
            InputError: the last attempt failed too, or the answer is no such object.
        """
        body = json.dumps({"texts": texts, "draw": draw}).encode()
        for attempt in range(self.knobs.retries + 1):
            try:
                return _translations(self._answer(body), len(texts))
            except _FailureError as failure:
                if not failure.passing or attempt == self.knobs.retries:
                    attempts = f" ({attempt + 1} attempts)" if attempt else ""
                    raise InputError(f"{self._who}: {failure}{attempts}") from None
                pause = min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE)
                log.info("%s: %s; again in %.0f s", self._who, failure, pause)
                self.wait(pause)
        raise AssertionError("the last attempt returns or raises")

    @property
    def resource(self) -> Resource:
        return Resource(
            "translator",
            _public(self.knobs.url),
            key="data.back_translation",
            version=self.knobs.version,
        )

    @property
    def _who(self) -> str:
        return f"data.back_translation.url {_public(self.knobs.url)}"

    def _answer(self, body: bytes) -> bytes:
        request = urllib.request.Request(
            self.knobs.url, body, {"Content-Type": "application/json", "Accept": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=self.knobs.timeout) as response:
                return response.read()
        except urllib.error.HTTPError as error:
            passing = error.code == _TOO_BUSY or error.code >= _SERVERS_FAULT
            raise _FailureError(f"answers with status {error.code}", passing) from None
        except urllib.error.URLError as error:
            raise _FailureError(self._no_connection(error.reason), True) from None
        except (OSError, http.client.HTTPException) as error:
            raise _FailureError(self._no_connection(error), True) from None

    def _no_connection(self, reason: object) -> str:
        if isinstance(reason, TimeoutError):
            return f"does not answer within {self.knobs.timeout:g} s"
        said = getattr(reason, "strerror", None) or reason
        return f"cannot be reached ({said}); check that the service runs there"


def _public(url: str) -> str:
    """The address without what may be secret in it.

    >>> _public("https://me:word@host:80/translate?key=1")
    'https://host:80/translate'
    """
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urllib.parse.urlunsplit((parts.scheme, host, parts.path, "", ""))


def _translations(answer: bytes, count: int) -> list[str]:
    try:
        found = json.loads(answer)
    except ValueError:
        raise _FailureError("answers with what is no JSON", False) from None
    found = found.get("translations") if isinstance(found, dict) else None
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise _FailureError('answers without {"translations": [...]}, a list of strings', False)
    if len(found) != count:
        raise _FailureError(f"answers {count} texts with {len(found)} translations", False)
    return found


@dataclass(frozen=True)
class Pairs:
    """Paraphrases of a file, found by their text; its n-th row of a text is draw n - 1.

    Attributes:
        path: of the file.
        known: text -> its paraphrases in the order of the rows.
    """

    path: str
    known: dict[str, list[str]] = field(repr=False)

    @classmethod
    def read(cls, knobs: PairsTranslator, root: str | None) -> Pairs:
        """The pairs of a file, named from the folder `root`.

        Raises:
            InputError: the file cannot be read, or a row is no pair.
        """
        path = paths.under(root, knobs.file)
        known: dict[str, list[str]] = {}
        for row in rows.read_rows(path):
            text, paraphrase = _pair(row)
            known.setdefault(text, []).append(paraphrase)
        return cls(path, known)

    def __call__(self, texts: list[str], draw: int = 0) -> list[str]:
        several = (self.known.get(text, []) for text in texts)
        return [found[draw] if draw < len(found) else "" for found in several]

    @property
    def resource(self) -> Resource:
        return Resource(
            "translator",
            self.path,
            key="data.back_translation",
            sha256=provenance.digest([self.path]),
        )


def _pair(row: rows.Row | BadRow) -> tuple[str, str]:
    where = f"{row.file}:{row.line}"
    if isinstance(row, BadRow):
        raise InputError(f"{where}: {row.reason}")
    text, paraphrase = (row.values.get(column) for column in ("text", "paraphrase"))
    if not isinstance(text, str) or not isinstance(paraphrase, str):
        raise InputError(f"{where}: expected a row with text and paraphrase, both strings")
    return text, paraphrase
