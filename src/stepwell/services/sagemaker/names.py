"""Names and ARNs. SageMaker's ARNs carry the lower-cased name, so names that differ only in case are one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stepwell.api.operations import Right, Site
from stepwell.arn import build
from stepwell.durable import View


def arn_of(view: View | Site, kind: str, name: str) -> str:
    """`arn:aws:sagemaker:R:A:KIND/name`; `kind` is `training-job`, `endpoint`, ..."""
    return build("sagemaker", view.region, view.account, f"{kind}/{name.lower()}")


def resource(kind: str, parameter: str) -> Callable[[Mapping[str, Any], Site], str]:
    """The resource of a right: the ARN of what `parameter` names."""
    return lambda params, site: arn_of(site, kind, str(params.get(parameter, "*")))


def right(action: str, kind: str, parameter: str, **keys: Callable[[Mapping[str, Any]], Any]) -> Right:
    """The right to do `action` with what `parameter` names; `keys` are SageMaker's own condition keys."""
    named = {f"sagemaker:{name}": found for name, found in keys.items()}
    return Right(action=f"sagemaker:{action}", resource=resource(kind, parameter), keys=named)


def listing(action: str, kind: str) -> Right:
    """The right to list: AWS asks for it on every resource of the kind at once."""
    return Right(action=f"sagemaker:{action}", resource=lambda params, site: arn_of(site, kind, "*"))


def given(*path: str) -> Callable[[Mapping[str, Any]], Any]:
    """Reads a nested parameter; None where the call leaves it out."""

    def read(params: Mapping[str, Any]) -> Any:
        found: Any = params
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    return read


def tagging(kind: str, parameter: str) -> Right:
    """Who creates with tags also needs AddTags."""
    return Right(
        action="sagemaker:AddTags",
        resource=resource(kind, parameter),
        when=lambda params: bool(params.get("Tags")),
    )


def passing(parameter: str) -> Right:
    """Handing a role to SageMaker needs PassRole on it."""
    return Right(
        action="iam:PassRole",
        resource=lambda params, site: str(params.get(parameter, "*")),
        keys={"iam:PassedToService": "=sagemaker.amazonaws.com"},
        when=lambda params: params.get(parameter) is not None,
    )
