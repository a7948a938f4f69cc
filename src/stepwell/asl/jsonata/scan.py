"""The words of a JSONata expression: what it refers to, and what its language does not have.

The engine underneath knows a later JSONata than AWS does, and parses as a whole only. Which variables an
expression reads (all that has to be handed to it), which operators it uses, and where it goes wrong are
therefore read from its tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Final

#: the name of the variable that AWS reserves
STATES = "states"

_TOKEN = re.compile(
    r"""
      (?P<blank>\s+|/\*.*?\*/)
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<quoted>`[^`]*`)
    | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    | (?P<variable>\$[\w$]*)
    | (?P<name>\w+)
    | (?P<symbol>\?\?|\?:|:=|\.\.|~>|!=|<=|>=|\*\*|.)
    """,
    re.VERBOSE | re.DOTALL,
)
#: words that stand between operands
_WORD_OPERATORS = frozenset({"and", "or", "in"})
#: words that are values
_WORD_VALUES = frozenset({"true", "false", "null"})
#: operators that came after JSONata 2.0.6, the version that AWS runs
LATER_OPERATORS = {"??": "coalescing operator", "?:": "default operator"}


class Growth(Enum):
    """How the size of what an expression makes depends on what it gets."""

    NONE = "none"
    #: far beyond the size of its input
    WITH_INPUT = "with input"
    #: as large as it likes
    FREE = "free"


class Undefined:
    """The type of `UNDEFINED`."""

    def __repr__(self) -> str:
        return "UNDEFINED"


#: JSONata's "nothing", which is not JSON's null
UNDEFINED: Final = Undefined()


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One word of an expression."""

    #: `text`, `quoted`, `number`, `variable`, `name`, `regex` or `symbol`
    kind: str
    text: str
    #: offset of its first character
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A variable that an expression names."""

    #: without the `$`
    name: str
    #: the member that follows at once: `input` of `$states.input`; None where none does
    member: str | None
    #: offset of its first character
    start: int


def tokens(text: str) -> Iterator[Token]:
    """The tokens of an expression, whether or not it is one."""
    at = 0
    after_operand = False
    while at < len(text):
        if text[at] == "/" and not after_operand and not text.startswith("/*", at):
            end = _regex_end(text, at)
            yield Token(kind="regex", text=text[at:end], start=at)
            at, after_operand = end, True
            continue
        match = _TOKEN.match(text, at)
        assert match is not None  # the last alternative takes any character
        kind = str(match.lastgroup)
        if kind != "blank":
            word = match[0]
            yield Token(kind=kind, text=word, start=at)
            after_operand = word in ")]}" if kind == "symbol" else word not in _WORD_OPERATORS
        at = match.end()


def references(found: tuple[Token, ...]) -> tuple[Reference, ...]:
    """The variables that the tokens name, in their order; the context variables `$` and `$$` are none."""
    named: list[Reference] = []
    for position, token in enumerate(found):
        if token.kind != "variable" or token.text in ("$", "$$"):
            continue
        following = found[position + 1 : position + 3]
        member = None
        if len(following) == 2 and following[0].text == "." and following[1].kind in ("name", "quoted"):
            member = following[1].text.strip("`")
        named.append(Reference(name=token.text[1:], member=member, start=token.start))
    return tuple(named)


def plain_path(found: tuple[Token, ...]) -> tuple[str, ...] | None:
    """The steps of an expression that is a variable and names behind it, `$a.b.c`; None for any other."""
    if not found or found[0].kind != "variable" or found[0].text in ("$", "$$") or len(found) % 2 == 0:
        return None
    steps = [found[0].text[1:]]
    for dot, name in zip(found[1::2], found[2::2], strict=True):
        if dot.text != "." or name.kind not in ("name", "quoted"):
            return None
        if name.text in _WORD_OPERATORS | _WORD_VALUES:
            return None
        steps.append(name.text.strip("`"))
    return tuple(steps)


def only_call(found: tuple[Token, ...]) -> str | None:
    """The function that the tokens call, where they call one only."""
    names = {
        token.text[1:]
        for token, following in pairwise(found)
        if token.kind == "variable" and following.text == "("
    }
    return names.pop() if len(names) == 1 else None


def growth(found: tuple[Token, ...]) -> Growth:
    """How much one step of the expression may make out of how little: no limit of time covers that."""
    words = {token.text for token in found if token.kind == "variable"}
    if "$pad" in words and not _pads_little(found):
        return Growth.FREE
    if not words & {"$replace", "$join", "$distinct", "$pad"}:
        return Growth.NONE
    repeats = {token.text for token in found} & {"..", "function", "λ", "$power"}
    return Growth.FREE if repeats else Growth.WITH_INPUT


def _pads_little(found: tuple[Token, ...]) -> bool:
    """Whether every `$pad` has a small number for its width: `$pad(text, -8)`."""
    for position, token in enumerate(found):
        if token.text != "$pad":
            continue
        depth = 0
        for at in range(position + 1, len(found)):
            depth += (found[at].text in "([{") - (found[at].text in ")]}")
            if depth == 1 and found[at].text == ",":
                break
        rest = "".join(each.text for each in found[at + 1 : at + 4])
        if not re.match(r"-?[0-9]{1,4}[,)]", rest):
            return False
    return True


def _regex_end(text: str, at: int) -> int:
    """Behind the regular expression that begins at `at`: its closing `/` outside brackets, and flags."""
    depth = 0
    position = at + 1
    while position < len(text):
        char = text[position]
        if char == "\\":
            position += 1
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == "/" and depth == 0:
            position += 1
            while position < len(text) and text[position] in "im":
                position += 1
            return position
        position += 1
    return len(text)
