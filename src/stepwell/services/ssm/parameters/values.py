"""What a parameter's value may be: its size, its pattern, and its data type.

Source: botocore's documentation of PutParameter, and the user guide's "Data types".
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from stepwell.errors import ValidationException
from stepwell.services.ssm import patterns
from stepwell.services.ssm.errors import InvalidAllowedPatternException, ParameterPatternMismatchException

#: characters of a value by tier
LONGEST: Mapping[str, int] = {"Standard": 4096, "Advanced": 8192}

_REFERENCE = re.compile(r"\{\{\s*(ssm:)?[^}]*\}\}")
_HOST = re.compile(r"(?=.{1,253}$)([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)(\.[a-zA-Z0-9-]{1,63})*")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def _matching(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


def _parsing(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def parses(text: str) -> bool:
        try:
            parse(text)
        except (ValueError, RecursionError):
            return False
        return True

    return parses


def _address(text: str) -> None:
    parts = urlsplit(text)
    if not parts.scheme or not parts.netloc:
        raise ValueError(text)


#: data types, and whether a value is of one
DATA_TYPES: Mapping[str, Callable[[str], bool]] = {
    "text": lambda text: True,
    "aws:region": _matching(r"[a-z]{2,}(-[a-z]+)+-\d"),
    "aws:account:id": _matching(r"\d{12}"),
    "boolean": _matching(r"(?i:true|false)"),
    "integer": _matching(r"[+-]?\d+"),
    "float": _parsing(float),
    "hostname": lambda text: _HOST.fullmatch(text) is not None,
    "email": lambda text: _MAIL.fullmatch(text) is not None,
    "ipv4-address": _parsing(ipaddress.IPv4Address),
    "ipv6-address": _parsing(ipaddress.IPv6Address),
    "url": _parsing(_address),
    "json": _parsing(json.loads),
}


def tier_of(asked: str, value: str) -> str:
    """The tier that a parameter gets. Raises ValidationException for a value too long for it."""
    tier = asked
    if asked == "Intelligent-Tiering":
        tier = "Advanced" if len(value) > LONGEST["Standard"] else "Standard"
    if len(value) > LONGEST[tier]:
        more = (
            " To create a larger parameter value, upgrade the parameter to use the "
            "advanced-parameter tier. For "
            "more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/"
            "parameter-store-advanced-parameters.html"
            if tier == "Standard"
            else ""
        )
        raise ValidationException(
            f"{tier} tier parameters support a maximum parameter value of {LONGEST[tier]} characters.{more}"
        )
    return tier


def check(value: str, *, pattern: str | None, data_type: str) -> None:
    """Raise unless `value` is allowed by its pattern and of its data type.

    Raises ValidationException, InvalidAllowedPatternException, ParameterPatternMismatchException.
    """
    if not value:
        raise ValidationException("Parameter value can't be empty.")
    if _REFERENCE.search(value):
        raise ValidationException(
            'Parameter value can\'t nest another parameter. Do not use "{{}}" in the value.'
        )
    if pattern:
        try:
            fits = patterns.matches(pattern, value)
        except patterns.BadPattern as error:
            raise InvalidAllowedPatternException(
                f"Parameter AllowedPattern, {pattern}, is not a valid regular expression: {error}."
            ) from None
        if not fits:
            raise ParameterPatternMismatchException(
                f"Parameter value, cannot be validated against allowedPattern: {pattern}"
            )
    if data_type not in DATA_TYPES:
        raise ValidationException(
            f"The data type {data_type} is not supported here. Use one of: {', '.join(DATA_TYPES)}."
        )
    if not DATA_TYPES[data_type](value):
        raise ValidationException(f"Parameter value is not of the data type {data_type}.")
