"""The rights that operations of windows need (Service Authorization Reference, Systems Manager)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepwell.api.operations import Right
from stepwell.services.ssm.linked import PRINCIPAL

WINDOW = "arn:aws:ssm:{region}:{account}:maintenancewindow/{WindowId}"


def right(action: str, resource: str = "*") -> Right:
    """The right to do `action` with the resource of that template."""
    return Right(action=f"ssm:{action}", resource=resource)


def _role(params: Mapping[str, Any]) -> str | None:
    found: str | None = params.get("ServiceRoleArn")
    return found


#: handing a task's role to Systems Manager
PASSING = Right(
    action="iam:PassRole",
    resource=lambda params, site: _role(params) or "*",
    keys={"iam:PassedToService": f"={PRINCIPAL}"},
    when=lambda params: _role(params) is not None,
)
