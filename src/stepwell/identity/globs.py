"""Wildcards in texts of any length: what a condition compares may be as long as a request's header.

A regular expression looks for a literal at every place anew, and holds the whole server while it does.
Here a literal is found by `str.find`, and one with `?` by all of its places at once: the bits of a number.
"""

from __future__ import annotations

from collections.abc import Callable


def fits(pattern: str, plain: Callable[[str], str]) -> Callable[[str], bool]:
    """Whether a text is `pattern`, in which `*` is any text and `?` any character; `plain` undoes escapes."""
    first, *rest = (_piece(piece, plain) for piece in pattern.split("*"))
    if not rest:
        return lambda text: len(text) == first.size and first.at(text, 0)
    *middle, last = rest

    def test(text: str) -> bool:
        place, end = first.size, len(text) - last.size
        if place > end or not first.at(text, 0) or not last.at(text, end):
            return False
        for piece in middle:
            found = piece.find(text, place, end)
            if found < 0:
                return False
            place = found + piece.size
        return True

    return test


class _Literal:
    """A text that stands for itself."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.size = len(text)

    def at(self, text: str, place: int) -> bool:
        return text.startswith(self._text, place)

    def find(self, text: str, start: int, end: int) -> int:
        return text.find(self._text, start, end)


class _Gapped:
    """A text with `?` in it. Bit n of a mask: the piece may have that character as its n-th."""

    def __init__(self, text: str, plain: Callable[[str], str]) -> None:
        self.size = len(text)
        self._gaps = 0
        self._masks: dict[str, int] = {}
        for number, char in enumerate(text):
            if char == "?":
                self._gaps |= 1 << number
            else:
                self._masks[plain(char)] = self._masks.get(plain(char), 0) | 1 << number

    def at(self, text: str, place: int) -> bool:
        return self.find(text, place, place + self.size) == place

    def find(self, text: str, start: int, end: int) -> int:
        running, whole = 0, 1 << (self.size - 1)
        for place in range(start, end):
            running = (running << 1 | 1) & (self._masks.get(text[place], 0) | self._gaps)
            if running & whole:
                return place + 1 - self.size
        return -1


def _piece(text: str, plain: Callable[[str], str]) -> _Literal | _Gapped:
    return _Gapped(text, plain) if "?" in text else _Literal(plain(text))
