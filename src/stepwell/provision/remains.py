"""What a stack's workflows made while they ran, which its destroy leaves, as it would on AWS.

Nothing on AWS says which stack's machine or function made an endpoint. What is told is therefore what can be
known for sure: things of the kinds that workflows make, made since the stack's first `up`, that no stack of
this data folder declares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stepwell.provision import state
from stepwell.provision.cloud import Cloud, calling
from stepwell.provision.problems import ProvisionError, ResourceFailed
from stepwell.provision.request import Remaining
from stepwell.provision.state import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """Things that a workflow makes, and how they are listed."""

    name: str
    service: str
    #: boto3's method
    operation: str
    #: the answer's list, and in its entries the name and the ARN
    entries: str
    named: str
    arn: str


def _sagemaker(name: str, word: str, operation: str, entries: str) -> _Kind:
    return _Kind(
        name=name,
        service="sagemaker",
        operation=operation,
        entries=entries,
        named=f"{word}Name",
        arn=f"{word}Arn",
    )


#: in the order in which they can be deleted
_KINDS = (
    _sagemaker("endpoint", "Endpoint", "list_endpoints", "Endpoints"),
    _sagemaker("endpoint config", "EndpointConfig", "list_endpoint_configs", "EndpointConfigs"),
    _sagemaker("model", "Model", "list_models", "Models"),
    _sagemaker(
        "model package group",
        "ModelPackageGroup",
        "list_model_package_groups",
        "ModelPackageGroupSummaryList",
    ),
    _sagemaker("training job", "TrainingJob", "list_training_jobs", "TrainingJobSummaries"),
    _sagemaker("processing job", "ProcessingJob", "list_processing_jobs", "ProcessingJobSummaries"),
)


def found(
    cloud: Cloud, since: float, declared: frozenset[str], warn: Callable[[str], None]
) -> list[Remaining]:
    """All that is left.

    Args:
        since: the stack's first `up`, in seconds since 1970.
        declared: the names, ids and ARNs that stacks declare.
        warn: told what could not be looked for, and why.
    """
    left: list[Remaining] = []
    moment = datetime.fromtimestamp(since, UTC)
    for kind, entries in (
        *((kind.name, _listed(cloud, kind, moment)) for kind in _KINDS),
        ("model package", _packages(cloud, moment)),
        ("log group", _log_groups(cloud, since)),
    ):
        try:
            left += [Remaining(kind=kind, name=name) for name, arn in entries if not {name, arn} & declared]
        except ResourceFailed as error:
            warn(f"could not look for {kind}s that are left: {error.message}")
    return left


def declared(folder: Path) -> frozenset[str]:
    """The names, ids and ARNs of everything that the stacks of a data folder declare.

    A state file that can't be read counts as empty: a run on its stack tells of it.
    """
    names: set[str] = set()
    for path in folder.glob("*/*.json"):
        try:
            resources = state.read(path).resources
        except ProvisionError:
            continue
        names |= set(_names(resources))
    return frozenset(names)


def _names(resources: Iterable[Resource]) -> Iterator[str]:
    for resource in resources:
        for name in (resource.id, resource.outputs.get("name"), resource.outputs.get("arn")):
            if isinstance(name, str) and name:
                yield name


def _listed(cloud: Cloud, kind: _Kind, since: datetime) -> Iterator[tuple[str, str]]:
    for entry in _pages(cloud, kind, CreationTimeAfter=since):
        yield entry[kind.named], entry[kind.arn]


def _packages(cloud: Cloud, since: datetime) -> Iterator[tuple[str, str]]:
    groups = next(kind for kind in _KINDS if kind.named == "ModelPackageGroupName")
    packages = _sagemaker("", "ModelPackage", "list_model_packages", "ModelPackageSummaryList")
    for group in _pages(cloud, groups):
        name = group["ModelPackageGroupName"]
        for entry in _pages(cloud, packages, ModelPackageGroupName=name, CreationTimeAfter=since):
            yield entry["ModelPackageArn"], entry["ModelPackageArn"]


def _log_groups(cloud: Cloud, since: float) -> Iterator[tuple[str, str]]:
    kind = _Kind(
        name="",
        service="logs",
        operation="describe_log_groups",
        entries="logGroups",
        named="logGroupName",
        arn="arn",
    )
    for entry in _pages(cloud, kind):
        if entry.get("creationTime", 0) >= since * 1000:
            yield entry["logGroupName"], entry.get("logGroupArn", "")


def _pages(cloud: Cloud, kind: _Kind, **parameters: Any) -> Iterator[Mapping[str, Any]]:
    with calling(cloud):
        for page in cloud.client(kind.service).get_paginator(kind.operation).paginate(**parameters):
            yield from page.get(kind.entries, ())
