"""JSON and values: a text read into values with their places, values written out as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from stepwell.asl.source import Source, SourceError
from stepwell.check.resources import Declared
from stepwell.check.sources import Place
from stepwell.check.values import (
    PARTS,
    Array,
    Invoke,
    Json,
    Literal,
    Object,
    Path,
    Reference,
    Text,
    Unknown,
    Value,
    known,
)

#: stand for the account and the region that a program is deployed to, where it doesn't spell them
ACCOUNT = "000000000000"
REGION = "us-east-1"
#: longer texts are not read: YAML is slow
LONGEST_YAML = 100_000
#: stands for what isn't known
UNTOLD = "unknown"


def within(literal: Literal, line: int, column: int) -> Place:
    """The place in the program of a line and column (from 1) of a string."""
    place = literal.place
    if literal.verbatim is None:
        return place
    if line == 1:
        return Place(file=place.file, line=place.line, column=place.column + literal.verbatim + column - 1)
    return Place(file=place.file, line=place.line + line - 1, column=column)


def from_json(literal: Literal) -> Value | None:
    """The values that a JSON text holds, each with its place in the program; None where it is no JSON."""
    if not isinstance(literal.value, str) or len(literal.value) > 1_000_000:
        return None
    try:
        source = Source(literal.value)
        return _read(source.value, (), source, literal)
    except (SourceError, RecursionError):
        return None


def _read(value: Any, path: Path, source: Source, literal: Literal) -> Value:
    place = within(literal, *source.position(path))
    if isinstance(value, dict):
        entries = {key: _read(item, (*path, key), source, literal) for key, item in value.items()}
        keys = {key: item.place for key, item in entries.items()}
        return Object(place=place, entries=entries, keys=keys)
    if isinstance(value, list):
        items = [_read(item, (*path, index), source, literal) for index, item in enumerate(value)]
        return Array(place=place, items=items)
    return Literal(place=place, value=value)


def from_yaml(literal: Literal) -> Value | None:
    """The values that a YAML text holds, each with its place in the program; None where it is no YAML."""
    import yaml

    if not isinstance(literal.value, str) or len(literal.value) > LONGEST_YAML:
        return None
    loader = yaml.SafeLoader(literal.value)
    try:
        node = loader.get_single_node()
        return None if node is None else _composed(node, loader, literal, [PARTS])
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    finally:
        loader.dispose()


def _composed(node: Any, loader: Any, literal: Literal, budget: list[int]) -> Value:
    budget[0] -= 1
    place = within(literal, node.start_mark.line + 1, node.start_mark.column + 1)
    if budget[0] < 0:
        return Unknown(place=place)
    if node.id == "mapping":
        loader.flatten_mapping(node)
        pairs = [(str(loader.construct_object(key)), key, item) for key, item in node.value]
        return Object(
            place=place,
            entries={name: _composed(item, loader, literal, budget) for name, _, item in pairs},
            keys={
                name: within(literal, key.start_mark.line + 1, key.start_mark.column + 1)
                for name, key, _ in pairs
            },
        )
    if node.id == "sequence":
        return Array(place=place, items=[_composed(item, loader, literal, budget) for item in node.value])
    value = loader.construct_object(node)
    if isinstance(value, str | int | float | bool | None):
        return Literal(place=place, value=value)
    return Unknown(place=place)


def document(value: Value | None) -> Value | None:
    """The JSON document that a value is: the text of one, or the object itself."""
    value = known(value)
    if isinstance(value, Json):
        return known(value.value)
    if isinstance(value, Text):
        value = Literal(place=value.place, value=str(plain(value).value))
    if isinstance(value, Literal):
        return from_json(value)
    return value if isinstance(value, Object | Array) else None


@dataclass(slots=True, kw_only=True)
class Plain:
    """A value as JSON, with what stands in for things that only the deployment knows."""

    value: Any
    #: where something stands in for what isn't known at all
    untold: list[Path] = field(default_factory=list)


def plain(value: Value | None, *, untold: str = UNTOLD) -> Plain:
    """The value as plain JSON: references as ARNs and names of stand-ins, `untold` for what isn't known."""
    made = Plain(value=None)
    made.value = _plain(value, (), _Rendering(made=made, untold=untold))
    return made


@dataclass(slots=True, kw_only=True)
class _Rendering:
    made: Plain
    untold: str
    budget: int = PARTS


def _plain(value: Value | None, path: Path, rendering: _Rendering) -> Any:
    value = known(value)
    untold = rendering.made.untold
    rendering.budget -= 1
    if rendering.budget < 0 or len(path) > 200:
        untold.append(path)
        return rendering.untold
    if isinstance(value, Literal) and isinstance(value.value, str | int | float | bool | None):
        return value.value
    if isinstance(value, Array):
        if value.open:
            untold.append(path)
        return [_plain(item, (*path, index), rendering) for index, item in enumerate(value.items)]
    if isinstance(value, Object):
        if value.open:
            untold.append(path)
        return {key: _plain(item, (*path, key), rendering) for key, item in value.entries.items()}
    if isinstance(value, Text):
        before = len(untold)
        text = "".join(str(_plain(part, path, rendering)) for part in value.parts)
        # in a pattern, what isn't known stands for anything: also for more than one segment
        return rendering.untold if len(untold) > before and rendering.untold == "*" else text
    if isinstance(value, Json):
        return json.dumps(_plain(value.value, path, rendering))
    if isinstance(value, Reference):
        found = stand_in(value)
        if found is not None:
            return found
    untold.append(path)
    return rendering.untold


#: a type's module and name → service and resource of its ARNs; S3's have neither region nor account
ARNS = {
    "aws:lambda/function:Function": ("lambda", "function:{}"),
    "aws:sfn/stateMachine:StateMachine": ("states", "stateMachine:{}"),
    "aws:sfn/activity:Activity": ("states", "activity:{}"),
    "aws:sqs/queue:Queue": ("sqs", "{}"),
    "aws:sns/topic:Topic": ("sns", "{}"),
    "aws:cloudwatch/eventRule:EventRule": ("events", "rule/{}"),
    "aws:cloudwatch/eventBus:EventBus": ("events", "event-bus/{}"),
    "aws:cloudwatch/logGroup:LogGroup": ("logs", "log-group:{}"),
    "aws:dynamodb/table:Table": ("dynamodb", "table/{}"),
    "aws:sagemaker/model:Model": ("sagemaker", "model/{}"),
    "aws:sagemaker/endpoint:Endpoint": ("sagemaker", "endpoint/{}"),
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration": ("sagemaker", "endpoint-config/{}"),
    "aws:sagemaker/modelPackageGroup:ModelPackageGroup": ("sagemaker", "model-package-group/{}"),
    "aws:ssm/document:Document": ("ssm", "document/{}"),
    "aws:ssm/parameter:Parameter": ("ssm", "parameter/{}"),
    "aws:ssm/maintenanceWindow:MaintenanceWindow": ("ssm", "maintenancewindow/{}"),
    "aws:ecr/repository:Repository": ("ecr", "repository/{}"),
    "aws:kms/key:Key": ("kms", "key/{}"),
}
_IAM = {
    "aws:iam/role:Role": "role/{}",
    "aws:iam/policy:Policy": "policy/{}",
    "aws:iam/user:User": "user/{}",
    "aws:iam/instanceProfile:InstanceProfile": "instance-profile/{}",
}
#: types whose `id` is their ARN
_ARN_IDS = ("aws:sfn/", "aws:iam/policy:", "aws:sns/topic:", "aws:sagemaker/modelPackage:")
#: properties of which a new resource's name is given
NAMES = ("name", "bucket", "modelPackageGroupName")


def name(resource: Declared) -> str:
    """The resource's name, or what stands for it."""
    for key in NAMES:
        value = known(resource.properties.get(key))
        if isinstance(value, Literal) and isinstance(value.value, str):
            return value.value
        if isinstance(value, Text):
            return str(plain(value).value)
    return f"{resource.label}-{UNTOLD}"


def arn(resource: Declared) -> str | None:
    """The ARN that stands for the resource's."""
    if resource.type.startswith("aws:s3/bucket") and resource.type.rpartition(":")[2].startswith("Bucket"):
        kind = resource.type.rpartition(":")[2]
        return f"arn:aws:s3:::{name(resource)}" if kind in ("Bucket", "BucketV2") else None
    if resource.type in _IAM:
        return f"arn:aws:iam::{ACCOUNT}:{_IAM[resource.type].format(name(resource))}"
    if resource.type in ARNS:
        service, template = ARNS[resource.type]
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{template.format(name(resource).lstrip('/'))}"
    return None


_INVOKED = {
    "get_caller_identity": {"accountId": ACCOUNT, "id": ACCOUNT},
    "get_region": {"region": REGION, "name": REGION, "id": REGION},
    "get_partition": {"partition": "aws", "id": "aws", "dnsSuffix": "amazonaws.com"},
}


def stand_in(reference: Reference) -> str | None:
    """What stands for a reference's text, or None where nothing can."""
    if isinstance(reference.of, Invoke):
        answers = _INVOKED.get(reference.of.name.rpartition(".")[2].removesuffix("_output"), {})
        return answers.get(str(reference.path[0])) if len(reference.path) == 1 else None
    resource = reference.of
    step = str(reference.path[0]) if len(reference.path) == 1 else ""
    if step == "arn" or (step == "id" and resource.type.startswith(_ARN_IDS)):
        return arn(resource)
    if step == "invokeArn":
        return None
    if step in resource.properties:
        value = known(resource.properties[step])
        if isinstance(value, Literal) and isinstance(value.value, str):
            return value.value
        if isinstance(value, Reference):
            return None if value.of is resource else stand_in(value)
        if isinstance(value, Text):
            return str(plain(value).value)
    return name(resource) if step in ("id", *NAMES) else None
