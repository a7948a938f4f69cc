"""Users' regular expressions (`allowedPattern`), matched in linear time: no pattern can hold the server.

RE2 knows no look-around and no back-references; a pattern with one is refused by name.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2


class BadPattern(ValueError):
    """The text is no regular expression that can be matched here; the message says why."""


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern is found in `text`; anchors are the pattern's own. Raises BadPattern."""
    return compiled(pattern).search(text) is not None


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Any:
    """The compiled pattern. Raises BadPattern."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0]
        raise BadPattern(reason.decode() if isinstance(reason, bytes) else str(reason)) from None
