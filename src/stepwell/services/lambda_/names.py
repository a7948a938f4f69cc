"""The ways to name a function: its name, a partial or a whole ARN, each with or without a qualifier."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from stepwell import arn
from stepwell.api.operations import Right, Site
from stepwell.services.lambda_.errors import InvalidParameterValueException, ResourceNotFoundException

LATEST = "$LATEST"

_FORMS = re.compile(
    r"(?:arn:aws:lambda:)?(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d):)?(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9_.-]+)(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9_-]+))?"
)


class Place(Protocol):
    """Where functions are: a `View`, a `Draft` or a `Site`."""

    @property
    def account(self) -> str: ...

    @property
    def region(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A function, perhaps one version of it."""

    name: str
    #: `$LATEST` or a version's number; None where the caller gave none
    qualifier: str | None

    def arn(self, place: Place) -> str:
        """The ARN, with the qualifier that was given."""
        suffix = "" if self.qualifier is None else f":{self.qualifier}"
        return function_arn(place, self.name) + suffix


def function_arn(place: Place, name: str) -> str:
    """The function's own ARN."""
    return arn.build("lambda", place.region, place.account, f"function:{name}")


def parse(text: str, qualifier: str | None, place: Place) -> Named:
    """What `FunctionName` and `Qualifier` name.

    Raises InvalidParameterValueException when they contradict each other, and ResourceNotFoundException for
    a function of another account or region.
    """
    match = _FORMS.fullmatch(text)
    if match is None:
        raise InvalidParameterValueException(f"Invalid function name: {text}")
    inner = match["qualifier"]
    if inner is not None and qualifier is not None and inner != qualifier:
        raise InvalidParameterValueException(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    if match["region"] not in (None, place.region) or match["account"] not in (None, place.account):
        raise ResourceNotFoundException(f"Function not found: {text}")
    return Named(name=match["name"], qualifier=inner if qualifier is None else qualifier)


def of(params: Mapping[str, Any], place: Place) -> Named:
    """What a call's parameters name."""
    return parse(params["FunctionName"], params.get("Qualifier"), place)


def rights(action: str, **keys: str) -> tuple[Right, ...]:
    """The right to `action` on the function that a call names."""
    names = {name.replace("_", ":", 1): parameter for name, parameter in keys.items()}
    return (Right(action=f"lambda:{action}", resource=_resource, keys=names),)


def _resource(params: Mapping[str, Any], site: Site) -> str:
    match = _FORMS.fullmatch(params["FunctionName"])
    if match is None:
        return "*"
    region, account = match["region"] or site.region, match["account"] or site.account
    qualifier = params.get("Qualifier") or match["qualifier"]
    suffix = "" if qualifier is None else f":{qualifier}"
    return arn.build("lambda", region, account, f"function:{match['name']}{suffix}")
