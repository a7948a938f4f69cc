"""What a workflow's runs made, as far as it says so itself: by its tag, or by the ARN of its run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from stepwell.retrain.retiring.kinds import LISTED, is_gone

#: the tag that tells whose a thing is
TAG = "stepwell:workflow"
#: questions that are asked at once
AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One thing that was made, by its kind and by what AWS calls it."""

    kind: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One thing that stays, and why."""

    thing: Thing
    why: str


@dataclass(frozen=True, kw_only=True)
class Found:
    """What retiring would do."""

    #: the workflow's name
    workflow: str
    #: whether its state machine is there
    declared: bool
    #: what would be stopped or deleted, in that order
    things: tuple[Thing, ...] = ()
    #: what looks like the workflow's and isn't, or is needed by others
    kept: tuple[Kept, ...] = ()


def find(workflow: str, client: Callable[[str], Any]) -> Found:
    """All that the runs of a workflow made and that is there.

    Args:
        client: gives a boto3 client of a service (`sagemaker`, `stepfunctions`, `logs`).
    """
    return _Finding(workflow, client).found()


class _Finding:
    def __init__(self, workflow: str, client: Callable[[str], Any]) -> None:
        self._workflow = workflow
        self._sagemaker, self._states, self._logs = (
            client(name) for name in ("sagemaker", "stepfunctions", "logs")
        )

    def found(self) -> Found:
        machines = list(self._machines())
        things = [Thing(kind="execution", name=arn) for machine in machines for arn in self._running(machine)]
        every = {kind: self._listed(kind) for kind in LISTED}
        ours = {kind: self._tagged(kind, entries) for kind, entries in every.items()}
        others = [name for name in every["endpoint"] if name not in ours["endpoint"]]
        needed = self._needed(others) if ours["endpoint config"] or ours["model"] else {}
        kept = []
        for kind, names in ours.items():
            for name in names:
                thing = Thing(kind=kind, name=name)
                if (kind, name) in needed:
                    kept.append(Kept(thing=thing, why=f"the endpoint {needed[kind, name]} serves it"))
                else:
                    things.append(thing)
        packages = list(self._packages())
        for arn, execution in packages:
            thing = Thing(kind="model package", name=arn)
            if ("model package", arn) in needed:
                kept.append(Kept(thing=thing, why=f"the endpoint {needed['model package', arn]} serves it"))
            elif execution.split(":")[5:7] != ["execution", self._workflow]:
                kept.append(Kept(thing=thing, why="no run of the workflow registered it"))
            else:
                things.append(thing)
        things += self._log_groups(ours["endpoint"])
        return Found(workflow=self._workflow, declared=bool(machines), things=tuple(things), kept=tuple(kept))

    def _machines(self) -> Iterator[str]:
        """The workflow's machine and its monitor's: by name, and by tag."""
        for page in self._states.get_paginator("list_state_machines").paginate():
            for each in page["stateMachines"]:
                if each["name"] in (self._workflow, f"{self._workflow}-monitor"):
                    tags = self._states.list_tags_for_resource(resourceArn=each["stateMachineArn"])["tags"]
                    if {"key": TAG, "value": self._workflow} in tags:
                        yield each["stateMachineArn"]

    def _running(self, machine: str) -> Iterator[str]:
        pages = self._states.get_paginator("list_executions")
        for page in pages.paginate(stateMachineArn=machine, statusFilter="RUNNING"):
            yield from (each["executionArn"] for each in page["executions"])

    def _listed(self, kind: str) -> dict[str, str]:
        """Name to ARN. Endpoints may have any name; all else is called after the workflow."""
        table = LISTED[kind]
        narrowed = {} if kind == "endpoint" else {"NameContains": f"{self._workflow}-"}
        pages = self._sagemaker.get_paginator(table.list).paginate(**narrowed)
        return {
            each[f"{table.word}Name"]: each[f"{table.word}Arn"]
            for page in pages
            for each in page[table.entries]
        }

    def _tagged(self, kind: str, entries: Mapping[str, str]) -> list[str]:
        """The names of those that the workflow made."""

        def is_ours(arn: str) -> bool:
            try:
                pages = self._sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
                return any(
                    (tag["Key"], tag["Value"]) == (TAG, self._workflow)
                    for page in pages
                    for tag in page["Tags"]
                )
            except Exception as error:
                if is_gone(error):
                    return False
                raise

        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(is_ours, entries.values()))
        return [name for name, ours in zip(entries, answers, strict=True) if ours]

    def _packages(self) -> Iterator[tuple[str, str]]:
        """The packages of the workflow's group, each with the ARN of the run that registered it."""
        try:
            pages = self._sagemaker.get_paginator("list_model_packages").paginate(
                ModelPackageGroupName=self._workflow
            )
            arns = [each["ModelPackageArn"] for page in pages for each in page["ModelPackageSummaryList"]]
        except Exception as error:
            if is_gone(error):
                return
            raise
        for arn in arns:
            found = self._sagemaker.describe_model_package(ModelPackageName=arn)
            yield arn, found.get("CustomerMetadataProperties", {}).get("execution", "")

    def _needed(self, endpoints: list[str]) -> dict[tuple[str, str], str]:
        """What other endpoints serve: configurations, models and packages, each with an endpoint's name."""
        needed: dict[tuple[str, str], str] = {}
        for endpoint in endpoints:
            try:
                config = self._sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
                needed["endpoint config", config] = endpoint
                found = self._sagemaker.describe_endpoint_config(EndpointConfigName=config)
                for variant in found["ProductionVariants"]:
                    needed["model", variant["ModelName"]] = endpoint
                    model = self._sagemaker.describe_model(ModelName=variant["ModelName"])
                    for container in [model.get("PrimaryContainer") or {}, *model.get("Containers", [])]:
                        needed["model package", container.get("ModelPackageName", "")] = endpoint
            except Exception as error:
                if not is_gone(error):
                    raise
        return needed

    def _log_groups(self, endpoints: list[str]) -> list[Thing]:
        """Those of the endpoints. Jobs share theirs, whose streams go with each job."""
        found = []
        for endpoint in endpoints:
            name = f"/aws/sagemaker/Endpoints/{endpoint}"
            groups = self._logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
            found += [Thing(kind="log group", name=name) for each in groups if each["logGroupName"] == name]
        return found
