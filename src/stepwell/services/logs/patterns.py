"""CloudWatch Logs' filter patterns: terms, and selectors of JSON fields.

Source of the grammar: the user guide's "Filter pattern syntax". Patterns of space-delimited fields
(`[ip, user, ...]`) and regular expressions (`%...%`) are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from stepwell.services.logs import selectors
from stepwell.services.logs.errors import InvalidParameterException

Matches = Callable[[str], bool]

_TERM = re.compile(r'\s*(?P<sign>[?-]?)(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s"]+))')


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Matches:
    """Whether a message matches, as a function. Raises InvalidParameterException."""
    text = pattern.strip()
    if not text:
        return lambda message: True
    if text.startswith("{"):
        return selectors.compiled(text)
    if text.startswith(("[", "%")):
        raise InvalidParameterException(
            "Invalid filter pattern: Stepwell supports terms and JSON selectors, "
            "not space-delimited fields and regular expressions"
        )
    return _terms(text)


def _terms(text: str) -> Matches:
    terms: dict[str, list[str]] = {"": [], "?": [], "-": []}
    position = 0
    while position < len(text):
        match = _TERM.match(text, position)
        if match is None:
            raise InvalidParameterException("Invalid filter pattern")
        plain = match["plain"]
        if plain is not None and not re.fullmatch(r"\w+", plain):
            raise InvalidParameterException(f"Invalid character(s) in term '{plain}'")
        terms[match["sign"]].append(plain if plain is not None else re.sub(r"\\(.)", r"\1", match["quoted"]))
        position = match.end()
    required, optional, excluded = terms[""], terms["?"], terms["-"]
    if required or excluded:  # AWS leaves `?` terms out of account beside others
        optional = []

    def matches(message: str) -> bool:
        return (
            all(term in message for term in required)
            and not any(term in message for term in excluded)
            and (not optional or any(term in message for term in optional))
        )

    return matches
