"""Translators that need no model here: a service that the user runs, and a file of pairs."""

from __future__ import annotations

import json
import logging
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential,
)

from tfsocial.config import HttpTranslator, PairsTranslator
from tfsocial.data.reading import line_formats, paths, rows
from tfsocial.data.reading.rows import BadRow
from tfsocial.errors import InputError
from tfsocial.provenance import resources
from tfsocial.provenance.resources import Resource

log = logging.getLogger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # it would tell addresses with their secrets

FIRST_PAUSE = 1.0  # seconds before the first further attempt; each next one waits twice as long
LONGEST_PAUSE = 60.0


class _FailureError(Exception):
    """An attempt that failed; the message says how."""

    def __init__(self, reason: str, passing: bool):
        super().__init__(reason)
        self.passing = passing


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
        """Try again, ever later, where that may help: no answer, or a status of 429 or 5xx.

        Raises:
            InputError: the last attempt failed too, or the answer is no such object.
        """
        attempts = Retrying(
            retry=retry_if_exception(_passes),
            stop=stop_after_attempt(self.knobs.retries + 1),
            wait=wait_exponential(FIRST_PAUSE, LONGEST_PAUSE),
            sleep=self.wait,
            before_sleep=self._tell,
            reraise=True,
        )
        try:
            return attempts(self._attempt, texts, draw)
        except _FailureError as failure:
            count = attempts.statistics["attempt_number"]
            tried = f" ({count} attempts)" if count > 1 else ""
            raise InputError(f"{self._who}: {failure}{tried}") from None

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

    def _attempt(self, texts: list[str], draw: int) -> list[str]:
        try:
            answer = httpx.post(
                self.knobs.url, json={"texts": texts, "draw": draw}, timeout=self.knobs.timeout
            )
        except httpx.TimeoutException:
            silent = f"does not answer within {self.knobs.timeout:g} s"
            raise _FailureError(silent, passing=True) from None
        except httpx.HTTPError as error:
            unreached = f"cannot be reached ({error}); check that the service runs there"
            raise _FailureError(unreached, passing=True) from None
        if answer.status_code != httpx.codes.OK:
            passing = answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error
            raise _FailureError(f"answers with status {answer.status_code}", passing)
        return _translations(answer.content, len(texts))

    def _tell(self, attempt: RetryCallState) -> None:
        failure = attempt.outcome.exception() if attempt.outcome else None
        log.info("%s: %s; again in %.0f s", self._who, failure, attempt.upcoming_sleep)


def _passes(error: BaseException) -> bool:
    """Tell whether another attempt may do better."""
    return isinstance(error, _FailureError) and error.passing


def _public(url: str) -> str:
    """Strip an address of what may be secret in it.

    >>> _public("https://me:word@host:80/translate?key=1")
    'https://host:80/translate'
    """
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urllib.parse.urlunsplit((parts.scheme, host, parts.path, "", ""))


def _translations(answer: bytes, count: int) -> list[str]:
    try:
        content = json.loads(answer)
    except ValueError:
        raise _FailureError("answers with what is no JSON", False) from None
    content = content.get("translations") if isinstance(content, dict) else None
    if not isinstance(content, list) or not all(isinstance(text, str) for text in content):
        raise _FailureError('answers without {"translations": [...]}, a list of strings', False)
    if len(content) != count:
        raise _FailureError(f"answers {count} texts with {len(content)} translations", False)
    return content


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
        """Read the pairs of a file, named from the folder `root`.

        Raises:
            InputError: the file cannot be read, or a row is no pair.
        """
        path = paths.under(root, knobs.file)
        known: dict[str, list[str]] = {}
        for row in line_formats.read_lines(path):
            text, paraphrase = _pair(row)
            known.setdefault(text, []).append(paraphrase)
        return cls(path, known)

    def __call__(self, texts: list[str], draw: int = 0) -> list[str]:
        """Look up the paraphrase number `draw` of each text; "" where there is none."""
        several = (self.known.get(text, []) for text in texts)
        return [made[draw] if draw < len(made) else "" for made in several]

    @property
    def resource(self) -> Resource:
        return Resource(
            "translator",
            self.path,
            key="data.back_translation",
            sha256=resources.digest([self.path]),
        )


def _pair(row: rows.Row | BadRow) -> tuple[str, str]:
    where = f"{row.file}:{row.line}"
    if isinstance(row, BadRow):
        raise InputError(f"{where}: {row.reason}")
    text, paraphrase = (row.values.get(column) for column in ("text", "paraphrase"))
    if not isinstance(text, str) or not isinstance(paraphrase, str):
        raise InputError(f"{where}: expected a row with text and paraphrase, both strings")
    return text, paraphrase
