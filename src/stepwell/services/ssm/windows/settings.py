"""What a task may be told: its settings as they are kept, and what AWS or one machine refuses of them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from stepwell import arn
from stepwell.api.operations import words
from stepwell.api.roles import trusts
from stepwell.durable import Draft
from stepwell.errors import UnsupportedParameter, ValidationException
from stepwell.services.ssm.linked import PRINCIPAL, linked_role
from stepwell.services.ssm.windows.records import Window, target_of, targets_of

#: members that a registration and an update share
FIELDS = words(
    "Targets TaskArn ServiceRoleArn TaskParameters TaskInvocationParameters Priority MaxConcurrency MaxErrors"
    " LoggingInfo Name Description CutoffBehavior AlarmConfiguration"
)
#: what acts: commands' notifications would need SNS, alarms CloudWatch's, and neither is here
HONOURED = words(
    "Targets TaskArn ServiceRoleArn TaskParameters Priority MaxConcurrency MaxErrors LoggingInfo Name"
    " Description CutoffBehavior"
    " TaskInvocationParameters.RunCommand.Comment"
    " TaskInvocationParameters.RunCommand.CloudWatchOutputConfig"
    " TaskInvocationParameters.RunCommand.DocumentHash"
    " TaskInvocationParameters.RunCommand.DocumentHashType"
    " TaskInvocationParameters.RunCommand.DocumentVersion"
    " TaskInvocationParameters.RunCommand.OutputS3BucketName"
    " TaskInvocationParameters.RunCommand.OutputS3KeyPrefix"
    " TaskInvocationParameters.RunCommand.Parameters"
    " TaskInvocationParameters.RunCommand.TimeoutSeconds"
    " TaskInvocationParameters.Lambda TaskInvocationParameters.StepFunctions"
)
RECORDED = words(
    "TaskInvocationParameters.RunCommand.NotificationConfig"
    " TaskInvocationParameters.RunCommand.ServiceRoleArn AlarmConfiguration"
)
#: the task's type → its member of TaskInvocationParameters
MEMBERS = {"RUN_COMMAND": "RunCommand", "LAMBDA": "Lambda", "STEP_FUNCTIONS": "StepFunctions"}
#: the task's type → what its TaskArn is, as ARNs name it: the service and how the resource begins
ARNS = {"LAMBDA": ("lambda", "function:"), "STEP_FUNCTIONS": ("states", "stateMachine:")}
#: ids and registered targets that a task may name (quotas)
IDS, WINDOW_TARGETS = 50, 10
#: what a task without targets shows for its rates
PLACEHOLDER = {"MaxConcurrency": "1", "MaxErrors": "1"}


def kept(params: Mapping[str, Any]) -> dict[str, Any]:
    """The settings among `params`, as a record keeps them: bytes in base64."""
    found = {name: params[name] for name in FIELDS if params.get(name) is not None}
    function = found.get("TaskInvocationParameters", {}).get("Lambda", {})
    if "Payload" in function:
        payload = base64.b64encode(function["Payload"]).decode()
        found["TaskInvocationParameters"] = {"Lambda": {**function, "Payload": payload}}
    return found


def shown(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as AWS shows them."""
    found = dict(settings)
    function = found.get("TaskInvocationParameters", {}).get("Lambda", {})
    if "Payload" in function:
        payload = base64.b64decode(function["Payload"])
        found["TaskInvocationParameters"] = {"Lambda": {**function, "Payload": payload}}
    return found


def completed(draft: Draft, window: Window, type: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with AWS's defaults. Raises ValidationException, UnsupportedParameter."""
    _check_parameters(type, settings)
    _check_arn(type, settings["TaskArn"])
    role = settings.get("ServiceRoleArn")
    if role is not None and role != linked_role(draft.account):
        require_role(draft, role)
    targets = settings.get("Targets") or []
    rates = {name: settings[name] for name in PLACEHOLDER if name in settings}
    if not targets:
        if type == "RUN_COMMAND":
            raise ValidationException(
                "For Run Command tasks, you must specify at least one resource as the target of the task. "
                f"You can specify between 1 and {IDS} instance IDs, or between 1 and {WINDOW_TARGETS} "
                "maintenance window target IDs"
            )
        if rates and rates != PLACEHOLDER:
            raise ValidationException(
                " ".join(
                    f"Maintenance window tasks without targets do not support {name} values."
                    for name in sorted(rates, reverse=True)
                )
            )
        rates = PLACEHOLDER
    missing = [name for name in PLACEHOLDER if name not in rates]
    if missing:
        raise ValidationException(
            f"Maintenance window tasks with targets need {' and '.join(missing)} values."
        )
    _check_targets(draft, window, targets)
    return {
        "Priority": 0,
        **settings,
        **rates,
        "ServiceRoleArn": role or linked_role(draft.account),
    }


def require_role(draft: Draft, role: str) -> None:
    """Raise ValidationException unless the role exists and trusts Systems Manager."""
    if not trusts(draft, role, PRINCIPAL):
        raise ValidationException(
            f"The maintenance window service role {role} cannot be assumed by Systems Manager: it must "
            f"exist, and its trust policy must let {PRINCIPAL} assume it."
        )


def _check_parameters(type: str, settings: Mapping[str, Any]) -> None:
    given = settings.get("TaskInvocationParameters") or {}
    for name in given:
        if name != MEMBERS[type]:
            raise ValidationException(
                f"TaskInvocationParameters.{name} does not go with a task of type {type}: "
                f"use {MEMBERS[type]}."
            )
    for legacy in ("TaskParameters", "LoggingInfo"):
        if not settings.get(legacy):
            continue
        if given:
            raise ValidationException(f"{legacy} and TaskInvocationParameters exclude each other.")
        if type != "RUN_COMMAND":
            raise UnsupportedParameter(
                f"Stepwell does not support {legacy} of {type} tasks: use TaskInvocationParameters"
            )


def _check_arn(type: str, text: str) -> None:
    if type not in ARNS:
        return
    service, begins = ARNS[type]
    found = arn.parse(text)
    if found is None or found.service != service or not found.resource.startswith(begins):
        raise ValidationException(
            f"{text} is not a valid TaskArn for {type} tasks: it must be the ARN of a {begins[:-1]}."
        )


def _check_targets(draft: Draft, window: Window, targets: list[dict[str, Any]]) -> None:
    known = targets_of(draft, window.id)
    registered = {
        id
        for target in known
        for each in target.targets
        if each["Key"] == "InstanceIds"
        for id in each["Values"]
    }
    for target in targets:
        key, values = target["Key"], target.get("Values") or []
        if key == "WindowTargetIds" and len(values) >= 1:
            if len(values) > WINDOW_TARGETS:
                raise ValidationException(f"The maximum number of window targets is {WINDOW_TARGETS}")
            for id in values:
                target_of(draft, window.id, id)
        elif key == "InstanceIds" and 1 <= len(values) <= IDS:
            strange = [id for id in values if id not in registered]
            if strange and not window.unassociated:
                raise ValidationException(
                    f"Maintenance window {window.id} does not allow unassociated targets: register "
                    f"{', '.join(strange)} as a target of the window and name it by WindowTargetIds, or set "
                    "AllowUnassociatedTargets."
                )
        else:
            raise ValidationException(
                f"{key} is an invalid window task target type, use WindowTargetIds or InstanceIds. For Run "
                "Command tasks, you must specify at least one resource as the target of the task. You can "
                f"specify between 1 and {IDS} instance IDs, or between 1 and {WINDOW_TARGETS} maintenance "
                "window target IDs"
            )
