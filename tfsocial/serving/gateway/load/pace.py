"""How fast a backend is when much waits, and so how long what waits will take."""

from __future__ import annotations

SMOOTHING = 0.2  # of the newest batch in what is remembered
FULL = 0.25  # of a batch's tokens: from here on a batch is as fast a token as a full one
CAUTION = 2.0  # times what is expected, since batches differ and some of them are late


class Pace:
    """Tokens a second of one batch, learnt from batches.

    Args:
        batch_tokens: of a full batch.
        tokens_per_second: as far as it is known; 0: not at all.
    """

    def __init__(self, batch_tokens: int, tokens_per_second: float = 0.0):
        self._full, self._pace = FULL * batch_tokens, tokens_per_second

    def learn(self, tokens: int, seconds: float) -> None:
        """Take in a batch.

        A small one takes longer a token. That it is slow says little of the pace when many wait,
        that it is fast says all.

        >>> pace = Pace(batch_tokens=100, tokens_per_second=100.0)
        >>> pace.learn(100, 2.0), pace.wait(90)
        (None, 2.0)
        """
        found = tokens / max(seconds, 1e-6)
        if not self._pace:
            self._pace = found
            return
        small = min(1.0, tokens / self._full) if found < self._pace else 1.0
        self._pace += SMOOTHING * small**2 * (found - self._pace)

    def wait(self, tokens: int, at_once: int = 1) -> float:
        """Give the seconds within which so many tokens will be answered, with caution.

        Args:
            at_once: batches that are computed at the same time.

        Returns:
            0 where nothing is known.
        """
        return CAUTION * tokens / (self._pace * at_once) if self._pace else 0.0
