"""A whole retraining workflow as one Pulumi component that emits only ordinary AWS resources.

    RetrainingWorkflow("digits", triggers=[Upload()], prepare=..., train=..., gate=Gate(floor=0.5))

Nothing it emits needs Stepwell's server: functions and jobs are shipped, roles have only the rights that
they need, the machine is written in the Amazon States Language. The endpoint isn't among the resources:
the machine creates it with the first champion, and updates it from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from stepwell.retrain.gate.metrics import METRICS
from stepwell.retrain.machine.definition import definition
from stepwell.retrain.machine.states import Deployment, Job, Machine, processing_input
from stepwell.retrain.parts.conditions import When
from stepwell.retrain.parts.declaration import DeclarationError, instance_of, known, texts
from stepwell.retrain.parts.monitoring import Monitor
from stepwell.retrain.parts.monitoring import check as check_monitor
from stepwell.retrain.parts.steps import Approval, Deploy, Gate, Prepare, Train, check_kind
from stepwell.retrain.parts.triggers import Trigger
from stepwell.retrain.resources import names as names_
from stepwell.retrain.resources import rights, storing
from stepwell.retrain.resources.functions import LOG_DAYS, SETTINGS, Functions
from stepwell.retrain.resources.monitoring import Monitoring
from stepwell.retrain.resources.names import Later, Names
from stepwell.retrain.resources.roles import Roles
from stepwell.retrain.resources.shipping import Shipping, dumped, ship
from stepwell.retrain.resources.sourcedir import PROGRAM
from stepwell.retrain.resources.starting import Starting

#: Pulumi's type of the component
TYPE = "stepwell:retrain:RetrainingWorkflow"
SAGEMAKER = "sagemaker.amazonaws.com"


class RetrainingWorkflow(pulumi.ComponentResource):  # type: ignore[misc]
    """New data in, a judged model in service out; docs/retraining.md tells all of it."""

    #: the bucket's name
    bucket: Later
    #: ARN of the state machine
    machine: Later
    #: the endpoint's name; None: models are registered and not served
    endpoint: str | None
    #: the model package group's name
    package_group: Later
    #: ARN of the monitor's state machine; None: there is no monitor
    monitor: Later

    def __init__(
        self,
        name: str,
        *,
        triggers: Sequence[Trigger],
        prepare: Prepare,
        train: Train,
        gate: Gate,
        deploy: Deploy | None = Deploy(),  # noqa: B008 - a frozen value
        approval: Approval | None = None,
        when: When | None = None,
        monitor: Monitor | None = None,
        bucket: pulumi.Input[str] | None = None,
        force_destroy: bool = False,
        log_days: int | None = 90,
        tags: Mapping[str, str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the workflow.

        Args:
            name: what all its things are called after.
            triggers: what starts it; none: only people do.
            deploy: where the champion serves; None: models are registered only.
            approval: a person approves each model; None: the gate's word is enough.
            when: how much must have arrived before a batch is begun; None: whatever there is.
            monitor: measures drift; it needs `deploy` with `capture`.
            bucket: a bucket that there is, with versions and EventBridge notifications; None: a new one.
            force_destroy: whether destroying the program destroys the new bucket with all that is in it.
            log_days: how long the functions' logs are kept; None: for ever.

        Raises:
            DeclarationError: the parts make no sense, by themselves or together.
        """
        names_.check(name)
        _check_parts(triggers, prepare, train, gate, deploy, approval, when, monitor)
        if log_days is not None and log_days not in LOG_DAYS:
            raise DeclarationError(f"log_days is one of {', '.join(map(str, LOG_DAYS))}, not {log_days!r}")
        texts("tags", tags or {})
        super().__init__(TYPE, name, None, opts)
        own = pulumi.ResourceOptions(parent=self)
        tagged = {"stepwell:workflow": name, **(tags or {})}
        names = self._named(name, bucket, deploy)
        roles = Roles(names=names, tags=tagged, opts=own)

        stored: list[pulumi.Resource] = []
        if bucket is None:
            stored = [storing.bucket(names, force_destroy, tagged, own)]
        shipping = Shipping(names, stored, own)
        ship(shipping, prepare=prepare, train=train, gate=gate)
        shipping.document(SETTINGS, _settings(names, triggers, prepare, train, gate, when))
        group = aws.sagemaker.ModelPackageGroup(name, model_package_group_name=name, tags=tagged, opts=own)
        functions = Functions(names=names, roles=roles, log_days=log_days, tags=tagged, opts=own)
        ledger = functions.make(
            "ledger",
            "ledger.handler.handler",
            rights.ledger(names, prefixes=_prefixes(triggers), scored=_is_scored(when)),
        )
        approvals = functions.make("approvals", "ledger.approvals.handler", rights.approvals(names))
        functions.answer(approvals)
        made = self._role_of_each(roles, triggers, prepare, train, gate, deploy)
        described = definition(
            Machine(
                name=name,
                bucket=names.bucket,
                ledger=ledger.arn,
                approvals=approvals.arn,
                package_group=group.model_package_group_name,
                approval=None if approval is None else approval.seconds,
                patience=gate.patient_seconds,
                **_jobs(names, made, prepare, train, gate, deploy),
            )
        )
        after = pulumi.ResourceOptions(depends_on=shipping.objects)
        machine = aws.sfn.StateMachine(
            name,
            name=name,
            role_arn=roles.make(
                "machine",
                "states.amazonaws.com",
                rights.machine(names, passed=list(made), serves=deploy is not None),
            ).arn,
            definition=dumped(described),
            tags=tagged,
            opts=pulumi.ResourceOptions.merge(own, after),
        )
        Starting(names=names, machine=machine.arn, roles=roles, tags=tagged, opts=own).declare(
            triggers, None if when is None else when.seconds
        )
        self.bucket = names.bucket
        self.machine = machine.arn
        self.endpoint = names.endpoint
        self.package_group = group.model_package_group_name
        self.monitor = None
        if monitor is not None:
            self.monitor = Monitoring(
                names=names,
                shipping=shipping,
                roles=roles,
                retraining=machine.arn,
                log_days=log_days,
                tags=tagged,
                opts=own,
            ).declare(monitor, prepare=prepare, gate=gate, when=when, image=train.image)
        self.register_outputs(
            {
                "bucket": self.bucket,
                "machine": self.machine,
                "endpoint": self.endpoint,
                "package_group": self.package_group,
                "monitor": self.monitor,
            }
        )

    def _named(self, name: str, bucket: Later, deploy: Deploy | None) -> Names:
        """What things are called, in the account and region that the program runs for."""
        asked = pulumi.InvokeOptions(parent=self)
        account = aws.get_caller_identity(opts=asked).account_id
        region = aws.get_region(opts=asked).region
        return Names(
            workflow=name,
            partition=aws.get_partition(opts=asked).partition,
            account=account,
            region=region,
            bucket=f"{name}-{account}-{region}" if bucket is None else bucket,
            endpoint=None if deploy is None else deploy.endpoint or name,
        )

    @staticmethod
    def _role_of_each(
        roles: Roles,
        triggers: Sequence[Trigger],
        prepare: Prepare,
        train: Train,
        gate: Gate,
        deploy: Deploy | None,
    ) -> dict[str, Later]:
        """The ARNs of the roles that SageMaker takes on, by their parts."""
        names = roles.names
        tables = {
            "prepare": rights.prepare(
                names, prefixes=_prefixes(triggers), image=prepare.image or train.image
            ),
            "train": rights.train(names, image=train.image, channels=train.channels.values()),
            "gate": rights.gate(names, image=gate.image or train.image),
        }
        if deploy is not None:
            captured = deploy.capture is not None
            tables["serve"] = rights.serve(names, image=train.image, captured=captured)
        return {part: roles.make(part, SAGEMAKER, table).arn for part, table in tables.items()}


def _check_parts(
    triggers: Any,
    prepare: Any,
    train: Any,
    gate: Any,
    deploy: Any,
    approval: Any,
    when: Any,
    monitor: Any,
) -> None:
    """Raises DeclarationError for parts of other kinds, or that don't go together."""
    instance_of("RetrainingWorkflow's triggers", triggers, list, tuple)
    for each in triggers:
        if not isinstance(each, Trigger):
            raise DeclarationError(f"a trigger is Upload, Schedule or Window, not {each!r}")
    check_kind("prepare", prepare, Prepare)
    check_kind("train", train, Train)
    check_kind("gate", gate, Gate)
    check_kind("deploy", deploy, Deploy, optional=True)
    check_kind("approval", approval, Approval, optional=True)
    columns = [each["name"] for each in prepare.settings()["columns"]]
    for part in (*gate.slices, *gate.baselines):
        if part.column and part.column not in ("label", *columns):
            known("a column of Gate's slices and baselines", part.column, columns)
    label = next(each for each in prepare.settings()["columns"] if each["name"] == prepare.label)
    metric = METRICS.get(gate.metric)
    if metric is not None and metric.task == "numbers" and label["type"] not in ("number", "integer"):
        raise DeclarationError(
            f"Gate's metric {gate.metric} is for numbers, and the label's column is a {label['type']}"
        )
    check_kind("when", when, When, optional=True)
    check_kind("monitor", monitor, Monitor, optional=True)
    if when is not None and when.score_below is not None and monitor is None:
        raise DeclarationError("When's score_below is the monitor's score: it needs a Monitor")
    if monitor is not None:
        if deploy is None or deploy.capture is None:
            raise DeclarationError("a Monitor reads what an endpoint was asked: it needs Deploy(capture=0.2)")
        check_monitor(monitor, gate=gate, when=when, triggers=triggers)


def _prefixes(triggers: Sequence[Trigger]) -> list[str]:
    """Where raw objects arrive."""
    return sorted({each.prefix for each in triggers})


def _is_scored(when: When | None) -> bool:
    """Whether a score that has fallen is a condition."""
    return when is not None and when.score_below is not None


def _settings(
    names: Names,
    triggers: Sequence[Trigger],
    prepare: Prepare,
    train: Train,
    gate: Gate,
    when: When | None,
) -> dict[str, Any]:
    """What the ledger reads at each call."""
    places = sorted({(each.prefix, each.suffix) for each in triggers})
    return {
        "workflow": names.workflow,
        "bucket": names.bucket,
        "endpoint": names.endpoint,
        "package_group": names.workflow,
        "sources": [{"prefix": prefix, "suffix": suffix} for prefix, suffix in places],
        "when": None if when is None else when.settings(),
        "gate": gate.settings(),
        "label": prepare.label,
        "columns": [each["name"] for each in prepare.settings()["columns"]],
        "header": prepare.header and prepare.format == "csv",
        "gate_code": names.uri("code/gate/"),
        "train": {
            "image": train.image,
            "hyperparameters": train.arguments,
            "code": names.uri("code/train/sourcedir.tar.gz"),
            "batches": train.batches,
        },
    }


def _job(part: Prepare | Train | Gate, train: Train, role: Later) -> Job:
    return Job(
        image=part.image or train.image,
        role=role,
        instance=part.instance,
        volume=part.volume,
        longest=part.longest,
    )


def _jobs(
    names: Names,
    roles: Mapping[str, Later],
    prepare: Prepare,
    train: Train,
    gate: Gate,
    deploy: Deploy | None,
) -> dict[str, Any]:
    """What the machine runs, and what it serves."""
    return {
        "prepare": _job(prepare, train, roles["prepare"]),
        "train": _job(train, train, roles["train"]),
        "gate": _job(gate, train, roles["gate"]),
        "prepare_inputs": [
            processing_input("code", {"S3Uri": names.uri("code/prepare/")}),
            processing_input("config", {"S3Uri": names.uri("code/prepare.json")}),
        ],
        "hyperparameters": _hyperparameters(names, train),
        "metrics": [{"Name": name, "Regex": pattern} for name, pattern in train.metrics.items()],
        "channels": train.channels,
        "model_environment": _environment(train),
        "deployment": None if deploy is None else _deployment(names, deploy, roles["serve"]),
    }


def _hyperparameters(names: Names, train: Train) -> dict[str, Later]:
    return {
        **train.arguments,
        "sagemaker_program": PROGRAM,
        "sagemaker_submit_directory": names.uri("code/train/sourcedir.tar.gz"),
    }


def _environment(train: Train) -> dict[str, str]:
    """How a framework's container finds the script that travels with the model."""
    return {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        **train.inference_environment,
    }


def _deployment(names: Names, deploy: Deploy, role: Later) -> Deployment:
    assert names.endpoint is not None
    return Deployment(
        endpoint=names.endpoint,
        role=role,
        instance=deploy.instance,
        count=deploy.count,
        capture=None if deploy.capture is None else _capture(names, deploy.capture),
    )


def _capture(names: Names, share: float) -> dict[str, Any]:
    """SageMaker's DataCaptureConfig."""
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": max(1, round(share * 100)),
        "DestinationS3Uri": names.uri("capture"),
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {
            "CsvContentTypes": ["text/csv"],
            "JsonContentTypes": ["application/json"],
        },
    }
