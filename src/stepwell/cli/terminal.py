"""What commands print is others' text: reasons, names of batches, causes, logs. A terminal obeys some of it.

So both streams are guarded in one place: characters that would move the cursor, retitle the window or turn
text around are written as JSON writes them (``\\u001b``), which leaves documents valid. Colours pass.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast

#: control characters but tab, line end and what begins a colour; the turning of text; halves of characters
_UNSAFE = re.compile(
    "\x1b(?!\\[(?:[012]|3[1-7]|39|9[0-7])?(?:;(?:[012]|3[1-7]|39|9[0-7]))*m)"
    "|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ud800-\udfff]"
)


def plain(text: str) -> str:
    """The text with all that a terminal would obey, but for colours, in JSON's escapes."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class Guarded:
    """A text stream that is written to by way of `plain`; all else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self.unguarded = stream

    def write(self, text: str) -> int:
        self.unguarded.write(plain(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unguarded, name)


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Standard output and standard error are guarded meanwhile."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, Guarded(each)) for each in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def drawing() -> TextIO:
    """Standard error for what draws itself and moves the cursor on purpose."""
    return cast(TextIO, getattr(sys.stderr, "unguarded", sys.stderr))
