"""Deployments: what each endpoint has served, since when, by whose wish and why.

SageMaker keeps only what serves and what is on its way. A rollback needs what was there before, so every
decision that begins, ends or gives up a deployment writes it down in the same commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace

from stepwell.durable import Draft, Record, View
from stepwell.errors import ValidationException
from stepwell.services.sagemaker import models, packages
from stepwell.services.sagemaker.endpoint_configs import EndpointConfig
from stepwell.services.sagemaker.fleets import Fleet
from stepwell.services.sagemaker.models import Model

#: deployments that are kept of one endpoint
KEPT = 100


class Cause(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a deployment began."""

    #: the caller's ARN
    by: str
    #: `create`, `update` or `rollback`
    how: str
    #: the reason that a rollback's caller gave
    why: str | None = None
    #: the number of the deployment that a rollback brings back
    restores: int | None = None
    #: a rollback's ClientToken
    token: str | None = None


class Deployment(Record, frozen=True, kw_only=True):
    """One fleet that an endpoint served, serves, or was to serve. It goes with its endpoint."""

    SERVICE: ClassVar[str] = "sagemaker"
    KIND: ClassVar[str] = "deployment"

    #: the endpoint's name
    endpoint: str
    #: counts from 1
    number: int
    #: what served, with all that is needed to tell whether a model is still the same
    fleet: Fleet
    #: CreateEndpointConfig's parameters without Tags
    request: dict[str, Any]
    #: the ARNs of the packages that models were made from, by variant
    packages: dict[str, str]
    cause: Cause
    #: when it reached InService
    since: float | None = None
    #: when another one replaced it
    until: float | None = None
    #: why it never came up
    failure: str | None = None

    @property
    def key(self) -> str:
        return f"{self.endpoint.lower()}/{self.number:08d}"

    @property
    def status(self) -> str:
        """`Deploying`, `InService`, `Replaced` or `Failed`."""
        if self.since is None:
            return "Deploying" if self.failure is None else "Failed"
        return "InService" if self.until is None else "Replaced"

    @property
    def place(self) -> int:
        """Where in the history it stands: a rollback stands where the deployment stood that it restored."""
        return self.cause.restores or self.number


def history(view: View, endpoint: str) -> list[Deployment]:
    """All deployments of the endpoint of that name, the first one first."""
    return list(view.scan(Deployment, prefix=f"{endpoint.lower()}/"))


def serving(every: list[Deployment]) -> Deployment | None:
    """The one that serves."""
    return next((each for each in reversed(every) if each.status == "InService"), None)


def begin(draft: Draft, endpoint: str, fleet: Fleet, cause: Cause) -> Deployment:
    """Write that a fleet is on its way to serve."""
    every = history(draft, endpoint)
    before = every[-1] if every else None
    config = draft.get(EndpointConfig, fleet.config.lower())
    made = Deployment(
        endpoint=endpoint,
        number=before.number + 1 if before is not None else 1,
        fleet=fleet,
        request=config.request if config is not None else before.request if before is not None else {},
        packages=_packages(draft, fleet, before.packages if before is not None else {}),
        cause=cause,
    )
    draft.put(made)
    for each in [each for each in every if each.status != "InService"][: max(0, len(every) + 1 - KEPT)]:
        draft.delete(Deployment, each.key)
    return made


def _packages(view: View, fleet: Fleet, before: Mapping[str, str]) -> dict[str, str]:
    """Which packages a fleet's models are of; of a model that is gone, what was known before."""
    found = {}
    for variant in fleet.variants:
        model = view.get(Model, variant.model.lower())
        named = models.package_of(model) if model is not None else before.get(variant.name)
        if named is not None:
            found[variant.name] = _arn(view, named)
    return found


def _arn(view: View, package: str) -> str:
    try:
        return packages.find(view, package).arn
    except ValidationException:
        return package


def take_over(draft: Draft, endpoint: str, fleet_id: str) -> None:
    """Write that a fleet serves, and that the one before serves no more."""
    for each in history(draft, endpoint):
        if each.fleet.id == fleet_id:
            draft.put(replace(each, since=draft.now))
        elif each.status == "InService":
            draft.put(replace(each, until=draft.now))


def fail(draft: Draft, endpoint: str, fleet_id: str, reason: str) -> None:
    """Write that a fleet never came up."""
    for each in history(draft, endpoint):
        if each.fleet.id == fleet_id:
            draft.put(replace(each, failure=reason))


def forget(draft: Draft, endpoint: str) -> None:
    """The endpoint is gone: one of the same name begins anew."""
    for each in history(draft, endpoint):
        draft.delete(Deployment, each.key)


def shown(deployment: Deployment) -> dict[str, Any]:
    """A deployment as the API gives it."""
    cause = deployment.cause
    optional = {
        "InServiceTime": deployment.since,
        "EndTime": deployment.until,
        "FailureReason": deployment.failure,
        "Reason": cause.why,
        "RestoredNumber": cause.restores,
    }
    return {
        "Number": deployment.number,
        "EndpointConfigName": deployment.fleet.config,
        "Models": [
            {
                "VariantName": variant.name,
                "ModelName": variant.model,
                **_optional("ModelPackageArn", deployment.packages.get(variant.name)),
            }
            for variant in deployment.fleet.variants
        ],
        "Status": deployment.status,
        "Action": cause.how,
        "RequestedBy": cause.by,
        "CreationTime": deployment.fleet.created,
        **{name: value for name, value in optional.items() if value is not None},
    }


def _optional(name: str, value: str | None) -> dict[str, str]:
    return {name: value} if value is not None else {}
