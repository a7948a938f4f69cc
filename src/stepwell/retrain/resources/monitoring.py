"""The monitor as resources: its code, its function, its machine, its schedule, and a role for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from stepwell.retrain import archives
from stepwell.retrain.machine.monitoring import MonitorMachine, definition
from stepwell.retrain.machine.states import Job
from stepwell.retrain.parts import monitoring
from stepwell.retrain.parts.conditions import When
from stepwell.retrain.parts.monitoring import Monitor
from stepwell.retrain.parts.steps import Gate, Prepare
from stepwell.retrain.resources import monitor_rights
from stepwell.retrain.resources.names import Later, Names
from stepwell.retrain.resources.roles import Roles
from stepwell.retrain.resources.shipping import Shipping, dumped

#: what the job and the function are made of
JOB_PACKAGES = ("gate", "prepare", "monitor")
FUNCTION_PACKAGES = ("ledger", "rounds")


@dataclass(frozen=True, kw_only=True)
class Monitoring:
    """Declares the monitor of one workflow."""

    names: Names
    shipping: Shipping
    roles: Roles
    #: ARN of the workflow's state machine
    retraining: Later
    #: days that the function's log is kept; None: for ever
    log_days: int | None
    tags: Mapping[str, str]
    opts: pulumi.ResourceOptions

    def declare(
        self, monitor: Monitor, *, prepare: Prepare, gate: Gate, when: When | None, image: Later
    ) -> Later:
        """All of it; gives the ARN of the monitor's state machine. `image` is the training's.

        Raises DeclarationError for thresholds that don't go together.
        """
        names, endpoint = self.names, self.names.endpoint
        assert endpoint is not None
        image = monitor.image or image
        told = monitoring.configuration(monitor, endpoint=endpoint, prepare=prepare, gate=gate, when=when)
        packed = archives.packed(archives.together(*JOB_PACKAGES))
        self.shipping.archive("code/monitor/monitor.zip", packed)
        self.shipping.document("code/monitor.json", told)
        if gate.module is not None:
            self.shipping.file(f"code/monitor/{gate.module.name}", gate.module)
        role = self.roles.make(
            monitor_rights.JOB,
            "sagemaker.amazonaws.com",
            monitor_rights.job(names, labels=monitor.labels, image=image),
        )
        described = definition(
            MonitorMachine(
                name=names.workflow,
                bucket=names.bucket,
                endpoint=endpoint,
                rounds=self._function(monitor, endpoint).arn,
                retraining=self.retraining,
                job=Job(
                    image=image,
                    role=role.arn,
                    instance=monitor.instance,
                    volume=monitor.volume,
                    longest=monitor.longest,
                ),
            )
        )
        name = names.of(monitor_rights.MACHINE)
        after = pulumi.ResourceOptions(depends_on=self.shipping.objects)
        machine = aws.sfn.StateMachine(
            name,
            name=name,
            role_arn=self.roles.make(
                monitor_rights.MACHINE, "states.amazonaws.com", monitor_rights.machine(names)
            ).arn,
            definition=dumped(described),
            tags=self.tags,
            opts=pulumi.ResourceOptions.merge(self.opts, after),
        )
        self._schedule(monitor, machine.arn)
        return machine.arn

    def _function(self, monitor: Monitor, endpoint: str) -> aws.lambda_.Function:
        name = self.names.of(monitor_rights.FUNCTION)
        group = aws.cloudwatch.LogGroup(
            name,
            name=f"/aws/lambda/{name}",
            retention_in_days=self.log_days,
            tags=self.tags,
            opts=self.opts,
        )
        role = self.roles.make(
            monitor_rights.FUNCTION, "lambda.amazonaws.com", monitor_rights.rounds(self.names)
        )
        files = archives.together(*FUNCTION_PACKAGES)
        after = pulumi.ResourceOptions(depends_on=[group])
        return aws.lambda_.Function(
            name,
            name=name,
            runtime="python3.12",
            handler="retrain.rounds.handler.handler",
            code=pulumi.AssetArchive(
                {path: pulumi.StringAsset(content.decode()) for path, content in files.items()}
            ),
            role=role.arn,
            timeout=300,
            memory_size=512,
            environment={
                "variables": {
                    "BUCKET": self.names.bucket,
                    "WORKFLOW": self.names.workflow,
                    "ENDPOINT": endpoint,
                    **({"LABELS": monitor.labels} if monitor.labels else {}),
                }
            },
            tags=self.tags,
            opts=pulumi.ResourceOptions.merge(self.opts, after),
        )

    def _schedule(self, monitor: Monitor, machine: Later) -> None:
        name = self.names.of(monitor_rights.SCHEDULE)
        role = self.roles.make(
            monitor_rights.SCHEDULE, "events.amazonaws.com", monitor_rights.schedule(self.names)
        )
        rule = aws.cloudwatch.EventRule(
            name, name=name, schedule_expression=monitor.schedule, tags=self.tags, opts=self.opts
        )
        aws.cloudwatch.EventTarget(
            name, rule=rule.name, target_id="monitor", arn=machine, role_arn=role.arn, opts=self.opts
        )
