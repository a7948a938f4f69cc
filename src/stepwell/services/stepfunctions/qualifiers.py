"""Rights on versions and aliases: AWS asks about the machine, and tells the qualifier as a condition key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepwell.api.operations import Right
from stepwell.services.stepfunctions import names

#: the number of a version, or the name of an alias
KEY = "states:StateMachineQualifier"


def right(action: str, parameter: str = "stateMachineArn") -> Right:
    """The right to do `action` with the machine, version or alias whose ARN a parameter gives."""

    def qualifier(params: Mapping[str, Any]) -> str | None:
        arn = params.get(parameter, "")
        return arn[len(names.unqualified(arn)) + 1 :] or None

    return Right(
        action=action,
        resource=lambda params, site: names.unqualified(params.get(parameter, "*")),
        keys={KEY: qualifier},
    )
