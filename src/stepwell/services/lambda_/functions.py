"""Functions: created, changed, listed, deleted."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from stepwell.api.context import Context
from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Blob, Draft, Effect, EffectKind, Outcome, View
from stepwell.errors import ValidationException
from stepwell.services.lambda_ import code, names, roles, settings, versions
from stepwell.services.lambda_.errors import (
    InvalidParameterValueException,
    PreconditionFailedException,
    ResourceConflictException,
)
from stepwell.services.lambda_.names import LATEST, rights
from stepwell.services.lambda_.parts import Parts
from stepwell.services.lambda_.records import (
    Configuration,
    Function,
    Version,
    configuration,
    find,
    shown,
    version_key,
)

#: ends the processes of a function that was changed or deleted
RETIRE = "lambda/retire"
#: entries of a page unless the caller wants fewer
PAGE = 50
NAME_LIMIT = 64


def create_function(call: Call, draft: Draft, package: Blob) -> dict[str, Any]:
    params = call.params
    named = names.parse(params["FunctionName"], None, draft)
    if len(named.name) > NAME_LIMIT:
        raise ValidationException(
            f"1 validation error detected: Value '{named.name}' at 'functionName' failed to satisfy "
            f"constraint: Member must have length less than or equal to {NAME_LIMIT}"
        )
    if draft.get(Function, named.name) is not None:
        raise ResourceConflictException(f"Function already exist: {named.name}")
    roles.require(draft, params["Role"], named.name)
    latest = Configuration(
        **settings.changes(params),
        digest=draft.keep(package),
        size=package.size,
        revision=draft.uuid(),
        modified=draft.now,
    )
    function = Function(name=named.name, latest=latest, tags=dict(params.get("Tags") or {}))
    if params.get("Publish"):
        return versions.publish(draft, function, "")
    put(draft, function)
    return shown(draft, named.name, latest)


def put(draft: Draft, function: Function) -> None:
    """Write a function; its package is kept with it."""
    draft.put(function, blobs=[function.latest.digest])


def check_revision(wanted: str | None, actual: str) -> None:
    """Raise PreconditionFailedException when the caller knows another revision."""
    if wanted is not None and wanted != actual:
        raise PreconditionFailedException(
            "The RevisionId provided does not match the latest RevisionId. "
            "Call the GetFunction or the GetAlias API to retrieve the latest RevisionId"
        )


def _changed(call: Call, draft: Draft) -> Function:
    """The function that an update changes. Only `$LATEST` does change."""
    named = names.parse(call.params["FunctionName"], None, draft)
    if named.qualifier not in (None, LATEST):
        raise InvalidParameterValueException(
            f"The function {named.arn(draft)} is a published version, which cannot be changed."
        )
    function = find(draft, named)
    check_revision(call.params.get("RevisionId"), function.latest.revision)
    return function


def update_function_code(call: Call, draft: Draft, package: Blob) -> dict[str, Any]:
    params = call.params
    function = _changed(call, draft)
    latest = replace(
        function.latest,
        digest=package.digest if params.get("DryRun") else draft.keep(package),
        size=package.size,
        revision=draft.uuid(),
        modified=draft.now,
        architectures=tuple(params.get("Architectures") or function.latest.architectures),
    )
    if params.get("DryRun"):
        return shown(draft, function.name, latest)
    return _updated(draft, replace(function, latest=latest), bool(params.get("Publish")))


def update_function_configuration(call: Call, draft: Draft) -> dict[str, Any]:
    function = _changed(call, draft)
    if call.params.get("Role") is not None:
        roles.require(draft, call.params["Role"], function.name)
    latest = replace(
        function.latest, **settings.changes(call.params), revision=draft.uuid(), modified=draft.now
    )
    return _updated(draft, replace(function, latest=latest), False)


def _updated(draft: Draft, function: Function, publish: bool) -> dict[str, Any]:
    draft.effect(RETIRE, {"function": function.name, "keep": function.latest.revision})
    if publish:
        return versions.publish(draft, function, "")
    put(draft, function)
    return shown(draft, function.name, function.latest)


def get_function(call: Call, view: View) -> dict[str, Any]:
    """No `Code.Location`: packages are in the data folder, and no URL leads there."""
    named = names.of(call.params, view)
    function = find(view, named)
    found = configuration(view, function, named)
    answer: dict[str, Any] = {
        "Configuration": shown(view, function.name, found, qualifier=named.qualifier),
        "Code": {"RepositoryType": "S3"},
    }
    if function.tags:
        answer["Tags"] = dict(function.tags)
    if function.reserved is not None:
        answer["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved}
    return answer


def get_function_configuration(call: Call, view: View) -> dict[str, Any]:
    named = names.of(call.params, view)
    function = find(view, named)
    return shown(view, function.name, configuration(view, function, named), qualifier=named.qualifier)


def list_functions(call: Call, view: View) -> dict[str, Any]:
    everything = call.params.get("FunctionVersion") == "ALL"

    def entries() -> Iterator[tuple[str, dict[str, Any]]]:
        for function in view.scan(Function):
            yield (
                function.name,
                shown(view, function.name, function.latest, qualifier=LATEST if everything else None),
            )
            if everything:
                for version in versions.of(view, function.name):
                    number = str(version.number)
                    place = f"{function.name} {version.number:010d}"
                    yield place, shown(view, function.name, version.configuration, qualifier=number)

    return page(call.params, "Functions", entries())


def page(
    params: Mapping[str, Any], member: str, entries: Iterator[tuple[str, dict[str, Any]]]
) -> dict[str, Any]:
    """One page of entries, each with its key; keys ascend."""
    after = params.get("Marker")
    limit = params.get("MaxItems") or PAGE
    rest = entries if after is None else (entry for entry in entries if entry[0] > after)
    found = list(itertools.islice(rest, limit + 1))
    answer: dict[str, Any] = {member: [entry for _, entry in found[:limit]]}
    if len(found) > limit:
        answer["NextMarker"] = found[limit - 1][0]
    return answer


def delete_function(call: Call, draft: Draft) -> None:
    named = names.of(call.params, draft)
    function = find(draft, named)
    if named.qualifier == LATEST:
        raise InvalidParameterValueException(
            "$LATEST version cannot be deleted without deleting the function."
        )
    if named.qualifier is not None:
        configuration(draft, function, named)
        draft.delete(Version, version_key(function.name, int(named.qualifier)))
        return
    draft.delete(Function, function.name)
    for version in versions.of(draft, function.name):
        draft.delete(Version, version.key)
    draft.effect(RETIRE, {"function": function.name, "keep": None})


def retirement(parts: Parts) -> EffectKind:
    """Ends idle processes with old code; those at work end by themselves when they are idle for long."""

    async def perform(effect: Effect) -> None:
        name = effect.body["function"]
        await parts.workers.retire(name, effect.body["keep"])
        if effect.body["keep"] is None:
            parts.sessions.forget(name)

    return EffectKind(name=RETIRE, perform=perform, complete=_done)


def _done(effect: Effect, outcome: Outcome, draft: Draft) -> None:
    """Nothing follows: a process that could not be ended now ends when it is idle for long."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """Takes packages in, off the loop."""

    parts: Parts

    async def for_creation(self, call: Call, context: Context) -> Blob:
        params = call.params
        if params.get("PackageType", "Zip") != "Zip" or params["Code"].get("ImageUri"):
            raise InvalidParameterValueException(
                "Stepwell runs functions from zip packages: PackageType Image is not supported"
            )
        if "Runtime" not in params or "Handler" not in params:
            raise InvalidParameterValueException(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages."
            )
        settings.changes(params)
        return await self._take(params["Code"], call, context)

    async def for_update(self, call: Call, context: Context) -> Blob:
        return await self._take(call.params, call, context)

    async def _take(self, source: Mapping[str, Any], call: Call, context: Context) -> Blob:
        package = await code.fetch(source, call, context)
        await self.parts.packages.take(package, context)
        return package


_SETTINGS = (
    "Runtime Role Handler Description Timeout MemorySize Environment EphemeralStorage LoggingConfig.LogGroup"
)
_RECORDED = (
    "VpcConfig DeadLetterConfig KMSKeyArn TracingConfig LoggingConfig.LogFormat "
    "LoggingConfig.ApplicationLogLevel LoggingConfig.SystemLogLevel"
)


def operations(parts: Parts) -> tuple[Operation, ...]:
    preparation = Preparation(parts)
    return (
        Operation(
            name="CreateFunction",
            rights=(
                *rights("CreateFunction"),
                roles.PASSING,
                *(
                    Right(
                        action=right.action,
                        resource=right.resource,
                        when=lambda params: bool(params.get("Tags")),
                    )
                    for right in rights("TagResource")
                ),
            ),
            honoured=words(
                f"FunctionName {_SETTINGS} Publish PackageType Tags "
                "Code.ZipFile Code.S3Bucket Code.S3Key Code.S3ObjectVersion Code.ImageUri"
            ),
            recorded=words(f"{_RECORDED} Architectures"),
            prepare=preparation.for_creation,
            decide=create_function,
        ),
        Operation(
            name="UpdateFunctionCode",
            rights=rights("UpdateFunctionCode"),
            honoured=words("FunctionName ZipFile S3Bucket S3Key S3ObjectVersion Publish DryRun RevisionId"),
            recorded=words("Architectures"),
            prepare=preparation.for_update,
            decide=update_function_code,
        ),
        Operation(
            name="UpdateFunctionConfiguration",
            rights=(*rights("UpdateFunctionConfiguration"), roles.PASSING),
            honoured=words(f"FunctionName {_SETTINGS} RevisionId"),
            recorded=words(_RECORDED),
            decide=update_function_configuration,
        ),
        Operation(
            name="GetFunction",
            rights=rights("GetFunction"),
            honoured=words("FunctionName Qualifier"),
            read=get_function,
        ),
        Operation(
            name="GetFunctionConfiguration",
            rights=rights("GetFunctionConfiguration"),
            honoured=words("FunctionName Qualifier"),
            read=get_function_configuration,
        ),
        Operation(
            name="ListFunctions",
            rights=(Right(action="lambda:ListFunctions"),),
            honoured=words("FunctionVersion Marker MaxItems"),
            read=list_functions,
        ),
        Operation(
            name="DeleteFunction",
            rights=rights("DeleteFunction"),
            honoured=words("FunctionName Qualifier"),
            decide=delete_function,
        ),
    )
