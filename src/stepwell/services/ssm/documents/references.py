"""`{{ ssm:NAME }}`: values of Parameter Store in documents and in the values of their parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from stepwell.services.ssm.errors import InvalidParameters

#: the place of a parameter of Parameter Store, perhaps of one version or label
REFERENCE = re.compile(r"\{\{\s*ssm:([A-Za-z0-9_./:-]+)\s*\}\}")
#: characters of a text with all values in place: a short text may name a long value often
LONGEST = 256 << 10


def replaced(places: re.Pattern[str], text: str, value: Callable[[re.Match[str]], str]) -> str:
    """The text with values in the places. Raises InvalidParameters for one that would be too long."""
    if len(text) + sum(len(value(found)) for found in places.finditer(text)) > LONGEST:
        raise too_long()
    return places.sub(value, text)


def too_long() -> InvalidParameters:
    return InvalidParameters(f"With its parameters the document is longer than {LONGEST >> 10} KiB.")


def referred(texts: Iterable[str]) -> list[str]:
    """The names of Parameter Store's parameters that texts refer to."""
    return list(dict.fromkeys(name for text in texts for name in REFERENCE.findall(text)))


def resolved(text: str, values: Mapping[str, str]) -> str:
    """The text with Parameter Store's values in place. Raises InvalidParameters for one that has none."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in values:
            raise InvalidParameters(f"The parameter ssm:{found[1]} does not exist in Parameter Store.")
        return values[found[1]]

    return replaced(REFERENCE, text, value)
