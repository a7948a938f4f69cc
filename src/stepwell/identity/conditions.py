"""What a statement's Condition asks of a request: one table of operators, and how values combine.

Rules: IAM User Guide, "Condition operators" and "Multivalued context keys". Operators and keys are
ANDed; the values of one key are ORed, under negated operators none of them may match.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from stepwell.identity import globs
from stepwell.identity.match import Context, Template, plain, template

#: says of a request's value whether it satisfies the policy's value
Test = Callable[[str], bool]


def _equals(pattern: str) -> Test:
    return plain(pattern).__eq__


def _equals_ignoring_case(pattern: str) -> Test:
    wanted = plain(pattern).casefold()
    return lambda value: value.casefold() == wanted


def _like(pattern: str) -> Test:
    return globs.fits(pattern, plain)


def _arn_like(pattern: str) -> Test:
    """Each of an ARN's six parts is matched by itself; what has fewer parts matches nothing."""
    parts = [_like(part) for part in pattern.split(":", 5)]

    def test(value: str) -> bool:
        given = value.split(":", 5)
        return len(parts) == len(given) == 6 and all(
            part(text) for part, text in zip(parts, given, strict=True)
        )

    return test


def _compare(read: Callable[[str], float], holds: Callable[[float, float], bool]) -> Callable[[str], Test]:
    """An operator on numbers: `holds(request's, policy's)`. A request's value that is none never holds."""

    def compiled(pattern: str) -> Test:
        wanted = read(plain(pattern))

        def test(value: str) -> bool:
            try:
                return holds(read(value), wanted)
            except ValueError:
                return False

        return test

    return compiled


def _epoch(text: str) -> float:
    """Seconds since the epoch of an ISO 8601 date (year, month, day or time), or of epoch seconds."""
    if re.fullmatch(r"\d{4}(-\d{2})?", text):
        text += "-01-01" if len(text) == 4 else "-01"
    elif re.fullmatch(r"-?\d+(\.\d+)?", text):
        return float(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _in_network(pattern: str) -> Test:
    network = ipaddress.ip_network(plain(pattern), strict=False)

    def test(value: str) -> bool:
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return False
        return address.version == network.version and address in network

    return test


def _boolean(pattern: str) -> Test:
    wanted = plain(pattern).lower()
    if wanted not in ("true", "false"):
        raise ValueError(f"not a boolean: {pattern}")
    return lambda value: value.lower() == wanted


_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "Equals": float.__eq__,
    "LessThan": float.__lt__,
    "LessThanEquals": float.__le__,
    "GreaterThan": float.__gt__,
    "GreaterThanEquals": float.__ge__,
}

#: operator → (how a policy's value is compiled; ValueError when it is malformed, whether it is negated)
OPERATORS: dict[str, tuple[Callable[[str], Test], bool]] = {
    "StringEquals": (_equals, False),
    "StringNotEquals": (_equals, True),
    "StringEqualsIgnoreCase": (_equals_ignoring_case, False),
    "StringNotEqualsIgnoreCase": (_equals_ignoring_case, True),
    "StringLike": (_like, False),
    "StringNotLike": (_like, True),
    "ArnEquals": (_arn_like, False),
    "ArnNotEquals": (_arn_like, True),
    "ArnLike": (_arn_like, False),
    "ArnNotLike": (_arn_like, True),
    "Bool": (_boolean, False),
    "BinaryEquals": (_equals, False),
    "IpAddress": (_in_network, False),
    "NotIpAddress": (_in_network, True),
    "Null": (_boolean, False),
    **{f"Numeric{name}": (_compare(float, holds), False) for name, holds in _ORDERS.items()},
    "NumericNotEquals": (_compare(float, float.__eq__), True),
    **{f"Date{name}": (_compare(_epoch, holds), False) for name, holds in _ORDERS.items()},
    "DateNotEquals": (_compare(_epoch, float.__eq__), True),
}

#: operators whose values may contain variables
_WITH_VARIABLES = ("String", "Arn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One operator on one key."""

    #: the key in lower case
    key: str
    #: `Null`, `ForAllValues`, `ForAnyValue`, or empty: how the request's values combine
    mode: str
    #: `...IfExists`: an absent key satisfies the condition
    if_exists: bool
    negated: bool
    tests: tuple[Test, ...]
    #: values that wait for the request's variables, and how they are compiled then
    templates: tuple[Template, ...]
    compiled: Callable[[str], Test]

    def holds(self, context: Context) -> bool:
        """Whether the request satisfies this condition.

        A policy's value whose variable is unknown matches nothing; under a negated operator the
        condition fails then.
        """
        values = context.get(self.key, ())
        if self.mode == "Null":
            absent = "false" if values else "true"
            return any(test(absent) for test in self.tests)
        if not values:
            return self.if_exists or self.mode == "ForAllValues" or (self.negated and not self.mode)
        tests = self.tests
        for pattern in self.templates:
            filled = pattern.fill(context)
            if filled is not None:
                tests = (*tests, self.compiled(filled))
            elif self.negated:
                return False
        satisfied = (any(test(value) for test in tests) is not self.negated for value in values)
        every = self.mode == "ForAllValues" or (self.negated and not self.mode)
        return all(satisfied) if every else any(satisfied)


def parse(operator: str, key: str, values: list[str], *, variables: bool) -> Condition | None:
    """The condition `{operator: {key: values}}`, or None when there is no such operator.

    Raises ValueError when a value is not of the operator's type.
    """
    mode, _, name = operator.rpartition(":")
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    row = OPERATORS.get(name)
    if (
        row is None
        or mode not in ("", "ForAllValues", "ForAnyValue")
        or (name == "Null" and (mode or if_exists))
    ):
        return None
    compiled, negated = row
    with_variables = variables and name.startswith(_WITH_VARIABLES)
    read = [template(value) if with_variables else value for value in values]
    return Condition(
        key=key.lower(),
        mode="Null" if name == "Null" else mode,
        if_exists=if_exists,
        negated=negated,
        tests=tuple(compiled(pattern) for pattern in read if isinstance(pattern, str)),
        templates=tuple(pattern for pattern in read if isinstance(pattern, Template)),
        compiled=compiled,
    )
