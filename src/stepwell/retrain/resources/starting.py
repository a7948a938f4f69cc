"""What starts the machine, as resources: rules on arrivals and schedules, maintenance windows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from stepwell.retrain.parts.triggers import Schedule, Trigger, Upload, Window
from stepwell.retrain.resources import rights
from stepwell.retrain.resources.names import Later, Names
from stepwell.retrain.resources.roles import Roles
from stepwell.retrain.resources.shipping import dumped

#: an arrival as the machine's input; EventBridge puts quotes around what is text
ARRIVED = (
    '{"trigger": "upload", "objects": [{"key": <key>, "version": <version>, "etag": <etag>, "size": <size>}]}'
)
#: the names in it, and where they are in S3's event
PATHS = {
    "key": "$.detail.object.key",
    "version": "$.detail.object.version-id",
    "etag": "$.detail.object.etag",
    "size": "$.detail.object.size",
}
#: seconds between two looks at a condition of time: at most an hour, at least a minute
LEAST_PAUSE, LONGEST_PAUSE = 60, 3600


@dataclass(frozen=True, kw_only=True)
class Starting:
    """Declares what starts one workflow's machine."""

    names: Names
    #: the machine's ARN
    machine: Later
    roles: Roles
    tags: Mapping[str, str]
    opts: pulumi.ResourceOptions

    def declare(self, triggers: Sequence[Trigger], after: int | None) -> None:
        """Each trigger, and a look every so often where a batch is due `after` some seconds."""
        counts: dict[str, int] = {}
        by_rule = any(isinstance(each, Upload | Schedule) for each in triggers) or after is not None
        role = self.roles.make("start", "events.amazonaws.com", rights.start(self.names)) if by_rule else None
        for trigger in triggers:
            part = type(trigger).__name__.lower()
            counts[part] = counts.get(part, 0) + 1
            name = self.names.of(part if counts[part] == 1 else f"{part}-{counts[part]}")
            if isinstance(trigger, Window):
                self._window(name, trigger, counts[part] == 1)
            elif isinstance(trigger, Upload):
                assert role is not None
                told: dict[str, Any] = {
                    "input_transformer": {"input_paths": PATHS, "input_template": ARRIVED}
                }
                self._rule(name, role, told, event_pattern=dumped(arrivals(self.names, trigger)))
            elif isinstance(trigger, Schedule):
                assert role is not None
                told = {"input": json.dumps({"trigger": "schedule"})}
                self._rule(name, role, told, schedule_expression=trigger.expression)
        if after is not None:
            assert role is not None
            minutes = min(LONGEST_PAUSE, max(LEAST_PAUSE, after // 10)) // 60
            every = f"rate({minutes} minute{'s' if minutes > 1 else ''})"
            told = {"input": json.dumps({"trigger": "check"})}
            self._rule(self.names.of("check"), role, told, schedule_expression=every)

    def _rule(self, name: str, role: aws.iam.Role, told: Mapping[str, Any], **when: Any) -> None:
        rule = aws.cloudwatch.EventRule(name, name=name, tags=self.tags, opts=self.opts, **when)
        aws.cloudwatch.EventTarget(
            name,
            rule=rule.name,
            target_id="machine",
            arn=self.machine,
            role_arn=role.arn,
            opts=self.opts,
            **told,
        )

    def _window(self, name: str, trigger: Window, is_first: bool) -> None:
        part = "window"
        role = self.names.role(part)
        if is_first:
            made = self.roles.make(part, "ssm.amazonaws.com", rights.window(self.names))
            role = made.arn
        window = aws.ssm.MaintenanceWindow(
            name,
            name=name,
            schedule=trigger.schedule,
            schedule_timezone=trigger.timezone,
            duration=trigger.duration,
            cutoff=trigger.cutoff,
            tags=self.tags,
            opts=self.opts,
        )
        aws.ssm.MaintenanceWindowTask(
            name,
            name=name,
            window_id=window.id,
            task_type="STEP_FUNCTIONS",
            task_arn=self.machine,
            service_role_arn=role,
            priority=1,
            task_invocation_parameters={
                "step_functions_parameters": {"input": json.dumps({"trigger": "window"})}
            },
            opts=self.opts,
        )


def arrivals(names: Names, trigger: Upload) -> dict[str, Any]:
    """The pattern of S3's events about a trigger's objects."""
    key: dict[str, str] = {"prefix": trigger.prefix}
    if trigger.suffix:
        key = {"wildcard": f"{trigger.prefix}*{trigger.suffix}"}
    return {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [names.bucket]}, "object": {"key": [key]}},
    }
