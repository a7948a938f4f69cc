"""The system's randomness, fetched a page at a time.

Every fetch lets go of the interpreter's lock, and getting it back from a busy event loop costs the one
writer more than the bytes do.
"""

from __future__ import annotations

import os
import random

#: bytes of one fetch
PAGE = 4096


class Entropy(random.SystemRandom):
    """`random.SystemRandom` out of a page in memory; for one thread."""

    _page = b""
    _used = 0

    def getrandbits(self, k: int) -> int:
        """An integer of `k` random bits."""
        size = (k + 7) // 8
        return int.from_bytes(self._take(size)) >> (size * 8 - k)

    def random(self) -> float:
        """A number from 0.0 up to but not including 1.0."""
        return self.getrandbits(53) * 2.0**-53

    def randbytes(self, n: int) -> bytes:
        """`n` random bytes."""
        return self._take(n)

    def _take(self, size: int) -> bytes:
        end = self._used + size
        if end > len(self._page):
            self._page, self._used, end = os.urandom(max(PAGE, size)), 0, size
        found = self._page[self._used : end]
        self._used = end
        return found
