"""Step Functions: state machines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stepwell import asl
from stepwell.provision.aws import tags
from stepwell.provision.aws.answers import moment
from stepwell.provision.aws.blocks import given
from stepwell.provision.cloud import Cloud, attempt, calling
from stepwell.provision.problems import Finding
from stepwell.provision.schema import Inputs, Naming, ResourceType, block, honoured

_PATIENCE = 300.0


def _arn(cloud: Cloud, inputs: Inputs) -> str:
    return cloud.arn("states", f"stateMachine:{inputs['name']}")


def _logging(inputs: Inputs) -> dict[str, Any] | None:
    asked = inputs.get("loggingConfiguration")
    if not asked:
        return None
    group = asked.get("logDestination")
    return given(
        level=asked.get("level"),
        includeExecutionData=asked.get("includeExecutionData"),
        destinations=[{"cloudWatchLogsLogGroup": {"logGroupArn": group}}] if group else None,
    )


def _settings(inputs: Inputs) -> dict[str, Any]:
    return given(
        definition=inputs["definition"],
        roleArn=inputs["roleArn"],
        loggingConfiguration=_logging(inputs),
        tracingConfiguration=inputs.get("tracingConfiguration"),
        encryptionConfiguration=inputs.get("encryptionConfiguration"),
        publish=inputs.get("publish"),
    )


def _create(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        answer = cloud.client("stepfunctions").create_state_machine(
            name=inputs["name"],
            type=inputs["type"],
            **given(tags=tags.pairs(tags.of(inputs), key="key", value="value") or None),
            **_settings(inputs),
        )
    return str(answer["stateMachineArn"])


def _update(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    states = cloud.client("stepfunctions")
    settings = _settings(new)
    if old.get("loggingConfiguration") and "loggingConfiguration" not in settings:
        settings["loggingConfiguration"] = {"level": "OFF", "includeExecutionData": False}
    if old.get("tracingConfiguration") and "tracingConfiguration" not in settings:
        settings["tracingConfiguration"] = {"enabled": False}
    with calling(cloud):
        if not old or settings != _settings(old):
            states.update_state_machine(stateMachineArn=id_, **settings)
        if tags.added(old, new):
            added = tags.pairs(tags.added(old, new), key="key", value="value")
            states.tag_resource(resourceArn=id_, tags=added)
        if tags.removed(old, new):
            states.untag_resource(resourceArn=id_, tagKeys=tags.removed(old, new))


def _read(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    found = attempt(cloud, cloud.client("stepfunctions").describe_state_machine, stateMachineArn=id_)
    if found is None or found.get("status") == "DELETING":
        return None
    return given(
        arn=id_,
        name=found["name"],
        definition=found["definition"],
        roleArn=found["roleArn"],
        type=found.get("type", "STANDARD"),
        status=found.get("status", "ACTIVE"),
        creationDate=moment(found.get("creationDate")),
        revisionId=found.get("revisionId"),
        description=found.get("description"),
        stateMachineVersionArn=_version(cloud, id_) if inputs.get("publish") else None,
        tagsAll=_tags(cloud, id_, inputs),
    )


def _tags(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, str]:
    if not tags.asked(inputs):
        return {}
    with calling(cloud):
        listed = cloud.client("stepfunctions").list_tags_for_resource(resourceArn=id_).get("tags")
    return tags.mapping(listed, key="key", value="value")


def _version(cloud: Cloud, id_: str) -> str | None:
    with calling(cloud):
        listed = cloud.client("stepfunctions").list_state_machine_versions(stateMachineArn=id_)
    versions = listed["stateMachineVersions"]
    return versions[0]["stateMachineVersionArn"] if versions else None


def _delete(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    states = cloud.client("stepfunctions")
    attempt(cloud, states.delete_state_machine, stateMachineArn=id_)
    # A machine whose executions still run is answered as DELETING until they have ended.
    cloud.until(
        lambda: attempt(cloud, states.describe_state_machine, stateMachineArn=id_) is None,
        what=f"deleting {id_}",
        seconds=_PATIENCE,
    )


def _faults(definition: str) -> Iterator[Finding]:
    """Its errors, placed in the text as a reader sees it: `json.dumps` writes all on one line."""
    text, errors = definition, _errors(definition)
    if not errors:
        return
    printed = _printed(definition)
    again = _errors(printed)
    # Printing loses what JSON's reading loses (a key given twice) and may pass the limit of size.
    if [error.message for error in again] == [error.message for error in errors]:
        text, errors = printed, again
    for error in errors:
        yield Finding(
            message=f"{error.message} [{error.code}]",
            location=error.pointer or "",
            line=error.line,
            column=error.column,
            excerpt=error.caret(text),
        )


def _errors(definition: str) -> list[asl.Diagnostic]:
    return [found for found in asl.validate(definition) if found.severity == "ERROR"]


def _printed(definition: str) -> str:
    if "\n" in definition.strip():
        return definition
    try:
        return json.dumps(json.loads(definition), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return definition


STATE_MACHINE = ResourceType(
    token="aws:sfn/stateMachine:StateMachine",
    properties={
        "name": honoured(replaces=True),
        "namePrefix": honoured(replaces=True),
        "definition": honoured(required=True, document=True, inspect=_faults),
        "roleArn": honoured(required=True),
        "type": honoured(replaces=True, default="STANDARD", choices=("STANDARD", "EXPRESS")),
        "loggingConfiguration": honoured(fields=block("includeExecutionData level logDestination")),
        "tracingConfiguration": honoured(fields=block("enabled")),
        "encryptionConfiguration": honoured(fields=block("kmsDataKeyReusePeriodSeconds kmsKeyId type")),
        "publish": honoured(),
        "tags": honoured(),
        "region": honoured(replaces=True),
    },
    computed=frozenset(
        [
            "arn",
            "creationDate",
            "description",
            "revisionId",
            "stateMachineVersionArn",
            "status",
            "tagsAll",
            "versionDescription",
        ]
    ),
    volatile=frozenset({"description", "revisionId", "stateMachineVersionArn", "status"}),
    naming=Naming(prefix="namePrefix", longest=80),
    create=_create,
    update=_update,
    read=_read,
    delete=_delete,
    identify=_arn,
)

TYPES = (STATE_MACHINE,)
