"""The champion: the model that a challenger is compared with, as it is served or approved now.

Where an endpoint serves, it is what the endpoint serves, however it came there: by a run, by a rollback, by
hand. Of several variants the one with the most traffic is it (of equals, the first), since the next
deployment replaces them all; requests that another variant answers are not looked at. An endpoint that never
came into service, or that is being deleted, has no champion.

Where nothing is served, the newest approved package of the group is it, but for those of runs that still go
on: a person releases a batch by approving its package, before the gate has judged it again.

A champion whose artefact can't be read is a champion still: the gate says CHAMPION_MISSING and a person
decides, rather than that any challenger wins by default.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from .documents import code
from .statuses import OPEN
from .workflow import Workflow

#: what an endpoint is that serves nobody, and won't
NOT_SERVING = ("Failed", "Deleting")
#: how SageMaker says that something isn't there
NOT_THERE = ("ValidationException", "ResourceNotFound")


@dataclass(frozen=True, kw_only=True)
class Champion:
    """What serves, or is approved, as far as it can be found out; None: unknown."""

    #: the endpoint's name
    endpoint: str | None = None
    #: its configuration's name
    config: str | None = None
    #: the model's name
    model: str | None = None
    #: ARN of the model package that the model was made of
    package: str | None = None
    #: s3:// URI of the artefact
    model_data: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As plans and evidence have it."""
        return dataclasses.asdict(self)


def find(workflow: Workflow) -> Champion | None:
    """The champion now; None: the challenger is the first."""
    endpoint = workflow.settings.endpoint
    return _approved(workflow) if endpoint is None else _serving(workflow, endpoint)


def is_readable(workflow: Workflow, champion: Champion) -> bool:
    """Whether its artefact is there, and this function may see it."""
    bucket, _, key = (champion.model_data or "").removeprefix("s3://").partition("/")
    if not bucket or not key:
        return False
    try:
        workflow.s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if code(error) in ("404", "403", "301", "400", "NoSuchBucket", "NoSuchKey", "AccessDenied"):
            return False
        raise
    return True


def _serving(workflow: Workflow, name: str) -> Champion | None:
    endpoint = _described(workflow.sagemaker.describe_endpoint, EndpointName=name)
    if endpoint is None or endpoint["EndpointStatus"] in NOT_SERVING:
        return None
    config = endpoint["EndpointConfigName"]
    found = _described(workflow.sagemaker.describe_endpoint_config, EndpointConfigName=config)
    variants = [] if found is None else found["ProductionVariants"]
    champion = Champion(endpoint=name, config=config, model=_model(variants, endpoint))
    if champion.model is None:
        return champion
    model = _described(workflow.sagemaker.describe_model, ModelName=champion.model)
    if model is None:
        return champion
    containers = [model["PrimaryContainer"]] if model.get("PrimaryContainer") else model.get("Containers", [])
    return _with_artefact(workflow, champion, containers)


def _model(variants: Sequence[Mapping[str, Any]], endpoint: Mapping[str, Any]) -> str | None:
    """The model of the variant with the most traffic."""
    now = {
        each["VariantName"]: each.get("CurrentWeight") for each in endpoint.get("ProductionVariants") or ()
    }

    def weight(variant: Mapping[str, Any]) -> float:
        current = now.get(variant["VariantName"])
        return float(variant.get("InitialVariantWeight", 1.0) if current is None else current)

    heaviest = max(variants, key=weight, default=None)
    return None if heaviest is None else heaviest.get("ModelName")


def _approved(workflow: Workflow) -> Champion | None:
    """The newest approved package that no run has in hand."""
    undecided = {batch.package for batch in workflow.batches.all() if batch.status in OPEN}
    pages = workflow.sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=workflow.settings.package_group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
    )
    for page in pages:
        for each in page["ModelPackageSummaryList"]:
            if each["ModelPackageArn"] not in undecided:
                return _with_package(workflow, Champion(package=each["ModelPackageArn"]))
    return None


def _with_artefact(
    workflow: Workflow, champion: Champion, containers: Sequence[Mapping[str, Any]]
) -> Champion:
    if not containers:
        return champion
    package = containers[0].get("ModelPackageName") or champion.package
    known = dataclasses.replace(champion, package=package, model_data=_artefact(containers[0]))
    return known if known.model_data or not package else _with_package(workflow, known)


def _with_package(workflow: Workflow, champion: Champion) -> Champion:
    found = _described(workflow.sagemaker.describe_model_package, ModelPackageName=champion.package)
    containers = (found or {}).get("InferenceSpecification", {}).get("Containers") or [{}]
    return dataclasses.replace(champion, model_data=_artefact(containers[0]))


def _artefact(container: Mapping[str, Any]) -> str | None:
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    found: str | None = container.get("ModelDataUrl") or source.get("S3Uri")
    return found


def _described(describe: Any, **name: Any) -> Any:
    """What a Describe operation gives; None where there is no such thing."""
    try:
        return describe(**name)
    except ClientError as error:
        if code(error) in NOT_THERE:
            return None
        raise
