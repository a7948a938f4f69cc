"""Reading the text of a path: names, quoted names, numbers, and where it goes wrong."""

from __future__ import annotations

import math
import re

_NAME = re.compile(r"[^\s.\[\](){},'\"=<>!&|*?]+")
#: the name of a variable: an identifier of Unicode's annex 31, as Python's own are
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_FUNCTION = re.compile(r"([A-Za-z]+)\(\)")
_INTEGER = re.compile(r"-?[0-9]{1,9}")
#: no more digits than a number in JSON text may reasonably have
_NUMBER = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,3})?")


class PathError(ValueError):
    """The text is no path, or a path that is not supported."""


class Scanner:
    """A position in a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def done(self) -> bool:
        return self.at >= len(self.text)

    @property
    def peek(self) -> str:
        """The next character. Raises PathError at the end."""
        if self.done:
            raise PathError("it ends too early")
        return self.text[self.at]

    def blanks(self) -> None:
        while not self.done and self.text[self.at].isspace():
            self.at += 1

    def take(self, token: str) -> bool:
        """Go past `token` if it is next."""
        if self.text.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def take_token(self, token: str) -> bool:
        """The same, with blanks around it."""
        self.blanks()
        found = self.take(token)
        if found:
            self.blanks()
        return found

    def expect(self, token: str) -> None:
        """Go past blanks and `token`. Raises PathError where something else is next."""
        self.blanks()
        if not self.take(token):
            raise PathError(f"'{token}' is missing at position {self.at + 1}")

    def name(self) -> str:
        """A name in dot notation."""
        return self._match(_NAME, "a name")

    def identifier(self) -> str | None:
        """The name of a variable, if one is next."""
        match = _IDENTIFIER.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match[0]

    def function_name(self) -> str | None:
        """The name of a function, when `name()` is next."""
        match = _FUNCTION.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match[1]

    def quoted(self) -> str:
        """A text in single or double quotes; `\\` stands in front of that quote or a `\\` inside it."""
        quote = self.peek
        if quote not in "'\"":
            raise PathError(f"a quote is missing at position {self.at + 1}")
        self.at += 1
        found: list[str] = []
        while (char := self.peek) != quote:
            self.at += 1
            if char == "\\" and self.peek in (quote, "\\"):
                char = self.peek
                self.at += 1
            found.append(char)
        self.at += 1
        return "".join(found)

    def integer(self) -> int | None:
        """A whole number, if one is next."""
        self.blanks()
        match = _INTEGER.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return int(match[0])

    def number(self) -> int | float:
        """A number as JSON writes it. Raises PathError beyond the range of a double."""
        text = self._match(_NUMBER, "a value")
        if text.lstrip("-").isdigit():
            return int(text)
        if math.isinf(number := float(text)):
            raise PathError(f"the number {text} is out of range")
        return number

    def _match(self, pattern: re.Pattern[str], wanted: str) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise PathError(f"{wanted} is missing at position {self.at + 1}")
        self.at = match.end()
        return match[0]
