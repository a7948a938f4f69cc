"""Rollback: which deployment an endpoint goes back to, and the one commit that takes it there.

A rollback is an UpdateEndpoint whose configuration the server finds: in the endpoint's history, or made for a
model package that never served there. It stands in the history where the deployment stood that it restored,
so that rolling back again goes one further back, and never to what was rolled back from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from stepwell.api.context import Context
from stepwell.api.operations import Right, Site
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.errors import AwsError, ValidationException
from stepwell.services.sagemaker import (
    deployments,
    endpoint_configs,
    endpoints,
    fleets,
    models,
    names,
    packages,
    roles,
    tags,
)
from stepwell.services.sagemaker.deployments import Cause, Deployment
from stepwell.services.sagemaker.endpoint_configs import EndpointConfig
from stepwell.services.sagemaker.endpoints import Endpoint
from stepwell.services.sagemaker.errors import ConflictException
from stepwell.services.sagemaker.image_check import image_check
from stepwell.services.sagemaker.models import Model
from stepwell.services.sagemaker.ports import Environments
from stepwell.services.sagemaker.s3_uris import split_s3

#: characters of a name of SageMaker's
NAME = 63
#: members of CreateModel that a model made for a package takes over from the one that serves
KEPT = ("ExecutionRoleArn", "EnableNetworkIsolation", "VpcConfig")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a rollback does."""

    endpoint: Endpoint
    #: what serves now
    current: Deployment
    #: what comes back; None: a package that never served here
    restored: Deployment | None
    #: the configuration that will serve
    config: str
    #: CreateEndpointConfig's parameters where the configuration isn't there (any more)
    new_config: Mapping[str, Any] | None = None
    #: CreateModel's parameters where a package has no model yet
    new_model: Mapping[str, Any] | None = None
    #: what the model servers will run, each with the ARN of its role
    serving: tuple[tuple[Mapping[str, Any], str], ...]


def plan(view: View, params: Mapping[str, Any]) -> Plan:
    """What RollbackEndpoint with these parameters would do now. Raises ValidationException."""
    endpoint, _ = endpoints.changeable(view, params["EndpointName"])
    every = deployments.history(view, endpoint.name)
    current = deployments.serving(every)
    if current is None:
        raise ValidationException(f'Nothing is known of what served before on endpoint "{endpoint.arn}".')
    package = _named(view, endpoint, every, params)
    if package is None:
        return _bring_back(view, endpoint, current, _previous(view, endpoint, every, current))
    if package in current.packages.values():
        raise ValidationException(f'Endpoint "{endpoint.arn}" serves model package {package} already.')
    for each in reversed(every):
        if each.since is not None and package in each.packages.values() and _gone(view, each) is None:
            return _bring_back(view, endpoint, current, each)
    return _introduce(view, endpoint, current, package)


def _named(view: View, endpoint: Endpoint, every: list[Deployment], params: Mapping[str, Any]) -> str | None:
    """The ARN of the package that is asked for. Raises ValidationException when it must not serve there."""
    name, version = params.get("ModelPackageArn"), params.get("ModelPackageVersion")
    if name is not None and version is not None:
        raise ValidationException("Both ModelPackageArn and ModelPackageVersion are given: give one of them.")
    if name is None and version is None:
        return None
    served = (arn for each in reversed(every) for arn in each.packages.values())
    group = next((found for arn in served if (found := _group(arn))), None)
    if name is None:
        if group is None:
            raise ValidationException(
                f'Endpoint "{endpoint.arn}" never served a model package: name one by its ARN.'
            )
        name = names.arn_of(view, packages.ModelPackage.KIND, f"{group}/{version}")
    package = packages.find(view, name)
    packages.deployable(view, package.arn)
    if group is not None and _group(package.arn) != group:
        raise ValidationException(
            f"Model package {package.arn} is not of the group {group}, whose models are what endpoint "
            f'"{endpoint.arn}" serves.'
        )
    return package.arn


def _group(package: str) -> str:
    """The group in the ARN of a package's version; empty for a package by itself."""
    return package.rpartition(":")[2].partition("/")[2].rpartition("/")[0]


def _previous(view: View, endpoint: Endpoint, every: list[Deployment], current: Deployment) -> Deployment:
    """The newest deployment before the current one's place that can serve again."""
    passed = []
    for each in reversed(every):
        if each.number >= current.place or each.since is None or _same(each, current):
            continue
        gone = _gone(view, each)
        if gone is None:
            return each
        passed.append(f" Deployment {each.number} ({each.fleet.config}): {gone}.")
    raise ValidationException(
        f'Endpoint "{endpoint.arn}" has no previous deployment to roll back to.{"".join(passed)}'
    )


def _same(one: Deployment, other: Deployment) -> bool:
    return one.fleet.config == other.fleet.config and one.request == other.request


def _gone(view: View, deployment: Deployment) -> str | None:
    """Why a deployment can't serve again; None where it can."""
    for variant in deployment.fleet.variants:
        model = view.get(Model, variant.model.lower())
        if model is None:
            return f'the model "{variant.model}" is deleted'
        if (model.container, model.request["ExecutionRoleArn"]) != (variant.container, variant.role):
            return f'the model "{variant.model}" is not the one that served'
    for arn in deployment.packages.values():
        try:
            package = packages.find(view, arn)
        except ValidationException:
            continue
        if package.approval == "Rejected":
            return f"model package {arn} is Rejected"
    return None


def _bring_back(view: View, endpoint: Endpoint, current: Deployment, restored: Deployment) -> Plan:
    """A deployment's own configuration, made anew where it was deleted."""
    config = view.get(EndpointConfig, restored.fleet.config.lower())
    there = config is not None and _content(config.request) == _content(restored.request)
    name = restored.fleet.config if there else _free(view, EndpointConfig, restored.fleet.config)
    return Plan(
        endpoint=endpoint,
        current=current,
        restored=restored,
        config=name,
        new_config=None if there else {**restored.request, "EndpointConfigName": name},
        serving=tuple((variant.container, variant.role) for variant in restored.fleet.variants),
    )


def _content(request: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in request.items() if key != "EndpointConfigName"}


def _introduce(view: View, endpoint: Endpoint, current: Deployment, package: str) -> Plan:
    """A model of the package, served as the current one is."""
    variants = current.fleet.variants
    if len(variants) != 1:
        raise ValidationException(
            f'Endpoint "{endpoint.arn}" serves {len(variants)} variants: which of them should serve model '
            f"package {package} must be said in an endpoint configuration."
        )
    (variant,) = variants
    model = view.get(Model, variant.model.lower())
    kept = {"ExecutionRoleArn": variant.role, "EnableNetworkIsolation": variant.isolated}
    container: dict[str, Any] = {"ModelPackageName": package}
    if model is not None:
        kept = {name: model.request[name] for name in KEPT if name in model.request}
        if models.package_of(model) is not None and models.overlay_of(model):
            container["Environment"] = models.overlay_of(model)
    wanted = f"{endpoint.name[:40]}-{package.rpartition('/')[2]}"
    model_name, config_name = _free(view, Model, wanted), _free(view, EndpointConfig, wanted)
    serving = {**current.request["ProductionVariants"][0], "ModelName": model_name}
    packaged = packages.deployable(view, package)
    return Plan(
        endpoint=endpoint,
        current=current,
        restored=None,
        config=config_name,
        new_config={
            **current.request,
            "EndpointConfigName": config_name,
            "ProductionVariants": [serving],
        },
        new_model={**kept, "ModelName": model_name, "PrimaryContainer": container},
        serving=((packaged, variant.role),),
    )


def _free(view: View, kind: type[Model] | type[EndpointConfig], wanted: str) -> str:
    """`wanted`, or `wanted-2` and so on where that name is taken."""
    number, name = 1, wanted
    while view.get(kind, name.lower()) is not None:
        number += 1
        ending = f"-{number}"
        name = f"{wanted[: NAME - len(ending)]}{ending}"
    return name


def rights() -> tuple[Right, ...]:
    """What a rollback's caller must be allowed beside the rollback: all that it does on the way."""

    def planned(params: Mapping[str, Any], site: Site) -> Plan | None:
        try:
            return plan(site.view, params) if site.view is not None else None
        except AwsError:
            return None

    def config(params: Mapping[str, Any], site: Site) -> tuple[str, ...]:
        found = planned(params, site)
        return () if found is None else (names.arn_of(site, EndpointConfig.KIND, found.config),)

    def new_config(params: Mapping[str, Any], site: Site) -> tuple[str, ...]:
        found = planned(params, site)
        made = found is not None and found.new_config is not None
        return config(params, site) if made else ()

    def new_model(params: Mapping[str, Any], site: Site) -> tuple[str, ...]:
        found = planned(params, site)
        made = found.new_model if found is not None else None
        return () if made is None else (names.arn_of(site, Model.KIND, made["ModelName"]),)

    def passed(params: Mapping[str, Any], site: Site) -> tuple[str, ...]:
        found = planned(params, site)
        made = found.new_model if found is not None else None
        return () if made is None else (str(made["ExecutionRoleArn"]),)

    return (
        names.right("UpdateEndpoint", Endpoint.KIND, "EndpointName"),
        Right(action="sagemaker:UpdateEndpoint", resource=config),
        Right(action="sagemaker:CreateEndpointConfig", resource=new_config),
        Right(action="sagemaker:CreateModel", resource=new_model),
        Right(
            action="iam:PassRole",
            resource=passed,
            keys={"iam:PassedToService": "=sagemaker.amazonaws.com"},
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollbacks:
    """RollbackEndpoint and ListDeployments, for the service of our own that has them."""

    #: what images stand for
    environments: Environments

    async def prepare(self, call: Call, context: Context) -> Plan | None:
        """The plan, looked through; None for a repeated request.

        Raises ValidationException when a model's artefact is gone, or its image is unknown.
        """
        if await context.read(lambda view: _repeated(view, call.params)) is not None:
            return None
        found = await context.read(lambda view: plan(view, call.params))
        for container, role in found.serving:
            await image_check(self.environments)(container["Image"])
            session = await roles.assume(context, role, found.endpoint.arn)
            submitted = container.get("Environment", {}).get("SAGEMAKER_SUBMIT_DIRECTORY", "")
            for uri in (container.get("ModelDataUrl", ""), submitted):
                if uri.startswith("s3://"):
                    await _require_object(context, session, uri)
        return found

    def roll_back(self, call: Call, draft: Draft, prepared: Plan | None) -> dict[str, Any]:
        """RollbackEndpoint: the deployment begins with the commit, and with it what it takes."""
        repeated = _repeated(draft, call.params)
        if repeated is not None:
            return _answer(draft, repeated)
        found = plan(draft, call.params)
        if found != prepared:
            raise ConflictException(
                f'Endpoint "{found.endpoint.arn}" or what it goes back to has just changed: ask again.'
            )
        # what is made for an endpoint is whose the endpoint is
        marks = {"Tags": tags.listed(tags.tags_of(draft, found.endpoint.arn))}
        if found.new_model is not None:
            models.create(_nested(call, "CreateModel", {**found.new_model, **marks}), draft, None)
        if found.new_config is not None:
            endpoint_configs.create(
                _nested(call, "CreateEndpointConfig", {**found.new_config, **marks}), draft
            )
        config = endpoint_configs.find(draft, found.config)
        fleet = fleets.deployment(draft, config, fleet_id=draft.unique(), now=draft.now)
        cause = Cause(
            by=call.caller.arn,
            how="rollback",
            why=call.params.get("Reason"),
            restores=found.restored.place if found.restored is not None else None,
            token=call.params.get("ClientToken"),
        )
        updating = msgspec.structs.replace(found.endpoint, status="Updating")
        return _answer(draft, endpoints.deploy(draft, updating, fleet, cause))

    def listed(self, call: Call, view: View) -> dict[str, Any]:
        """ListDeployments: the newest first."""
        endpoint = endpoints.find(view, call.params["EndpointName"])
        every = deployments.history(view, endpoint.name)
        return {"Deployments": [deployments.shown(each) for each in reversed(every)]}


def _nested(call: Call, operation: str, params: Mapping[str, Any]) -> Call:
    return Call(service="sagemaker", operation=operation, params=params, caller=call.caller)


def _repeated(view: View, params: Mapping[str, Any]) -> Deployment | None:
    """The deployment that the same request began before."""
    token = params.get("ClientToken")
    every = deployments.history(view, params["EndpointName"]) if token is not None else ()
    return next((each for each in every if each.cause.token == token), None)


def _answer(view: View, begun: Deployment) -> dict[str, Any]:
    """RollbackEndpoint's output: what comes, and what served when it began."""
    before = [each for each in deployments.history(view, begun.endpoint) if each.number < begun.number]
    served = next(each for each in reversed(before) if each.since is not None)
    return {
        "EndpointArn": endpoints.find(view, begun.endpoint).arn,
        "From": deployments.shown(served),
        "To": deployments.shown(begun),
    }


async def _require_object(context: Context, session: roles.Session, uri: str) -> None:
    bucket, key = split_s3(uri)
    call = Call(
        service="s3",
        operation="HeadObject",
        params={"Bucket": bucket, "Key": key},
        caller=session.caller,
    )
    try:
        await context.dispatch(call)
    except AwsError as error:
        found = "find" if error.http_status == 404 else "access"
        raise ValidationException(
            f"Could not {found} model data at {uri}. ({error.error_code} as {session.caller.arn})"
        ) from error
