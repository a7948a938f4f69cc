"""EventBridge: buses, rules, their targets, and who may send to a bus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stepwell.provision.aws import tags
from stepwell.provision.aws.blocks import camel, given, pascal
from stepwell.provision.cloud import Cloud, attempt, calling
from stepwell.provision.schema import Inputs, Naming, ResourceType, block, honoured, refused

DEFAULT_BUS = "default"


def _retag(cloud: Cloud, arn: str, old: Inputs, new: Inputs) -> None:
    events = cloud.client("events")
    with calling(cloud):
        if tags.added(old, new):
            events.tag_resource(ResourceARN=arn, Tags=tags.pairs(tags.added(old, new)))
        if tags.removed(old, new):
            events.untag_resource(ResourceARN=arn, TagKeys=tags.removed(old, new))


def _tags(cloud: Cloud, arn: str, inputs: Inputs) -> dict[str, str]:
    """The resource's tags; none, unasked, where none are declared."""
    if not tags.asked(inputs):
        return {}
    with calling(cloud):
        return tags.mapping(cloud.client("events").list_tags_for_resource(ResourceARN=arn).get("Tags"))


def _on_bus(bus: str, rest: str) -> str:
    """An id: `BUS/REST`, without the default bus."""
    return rest if bus == DEFAULT_BUS else f"{bus}/{rest}"


def _of_bus(id_: str, parts: int = 1) -> list[str]:
    """The bus and the `parts` that an id names; a bus may be given as its ARN, which has a slash."""
    split = id_.rsplit("/", parts)
    return split if len(split) > parts else [DEFAULT_BUS, *split]


# --- buses ------------------------------------------------------------------------------------------------

_BUS_SETTINGS = {
    "description": "Description",
    "kmsKeyIdentifier": "KmsKeyIdentifier",
    "deadLetterConfig": "DeadLetterConfig",
    "logConfig": "LogConfig",
}


def _bus_settings(inputs: Inputs) -> dict[str, Any]:
    return given(**{api: pascal(inputs.get(ours)) for ours, api in _BUS_SETTINGS.items()})


def _create_bus(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        cloud.client("events").create_event_bus(
            Name=inputs["name"],
            **_bus_settings(inputs),
            **given(Tags=tags.pairs(tags.of(inputs)) or None),
        )
    return str(inputs["name"])


def _update_bus(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    if _bus_settings(old) != _bus_settings(new):
        with calling(cloud):
            cloud.client("events").update_event_bus(Name=id_, **_bus_settings(new))
    _retag(cloud, cloud.arn("events", f"event-bus/{id_}"), old, new)


def _read_bus(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    found = attempt(cloud, cloud.client("events").describe_event_bus, Name=id_)
    if found is None:
        return None
    shown = {ours: camel(found[api]) for ours, api in _BUS_SETTINGS.items() if found.get(api)}
    return {
        "name": found["Name"],
        "arn": found["Arn"],
        "tagsAll": _tags(cloud, found["Arn"], inputs),
        **shown,
    }


def _delete_bus(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    attempt(cloud, cloud.client("events").delete_event_bus, Name=id_)


def _check_bus(inputs: Inputs) -> Iterator[str]:
    if inputs.get("name") == DEFAULT_BUS:
        yield "property name is 'default': every account has that bus already"


EVENT_BUS = ResourceType(
    token="aws:cloudwatch/eventBus:EventBus",
    properties={
        "name": honoured(replaces=True),
        "description": honoured(),
        "deadLetterConfig": honoured(fields=block("arn")),
        "kmsKeyIdentifier": honoured(),
        "logConfig": honoured(fields=block("includeDetail level")),
        "eventSourceName": refused("there are no partners' events here"),
        "tags": honoured(),
        "region": honoured(replaces=True),
    },
    computed=frozenset({"arn", "tagsAll"}),
    naming=Naming(longest=256),
    create=_create_bus,
    update=_update_bus,
    read=_read_bus,
    delete=_delete_bus,
    identify=lambda cloud, inputs: str(inputs["name"]),
    check=_check_bus,
)

# --- rules ------------------------------------------------------------------------------------------------


def _rule_settings(inputs: Inputs) -> dict[str, Any]:
    state = inputs.get("state")
    if state is None and "isEnabled" in inputs:
        state = "ENABLED" if inputs["isEnabled"] else "DISABLED"
    return given(
        Description=inputs.get("description"),
        EventPattern=inputs.get("eventPattern"),
        ScheduleExpression=inputs.get("scheduleExpression"),
        RoleArn=inputs.get("roleArn"),
        State=state,
    )


def _rule_id(cloud: Cloud, inputs: Inputs) -> str:
    return _on_bus(inputs["eventBusName"], inputs["name"])


def _put_rule(cloud: Cloud, inputs: Inputs, **more: Any) -> str:
    with calling(cloud):
        answer = cloud.client("events").put_rule(
            Name=inputs["name"], EventBusName=inputs["eventBusName"], **_rule_settings(inputs), **more
        )
    return str(answer["RuleArn"])


def _create_rule(cloud: Cloud, inputs: Inputs) -> str:
    _put_rule(cloud, inputs, **given(Tags=tags.pairs(tags.of(inputs)) or None))
    return _rule_id(cloud, inputs)


def _update_rule(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    bus, name = _of_bus(id_)
    if _rule_settings(old) != _rule_settings(new):
        arn = _put_rule(cloud, new)
    else:
        with calling(cloud):
            arn = cloud.client("events").describe_rule(Name=name, EventBusName=bus)["Arn"]
    _retag(cloud, arn, old, new)


def _read_rule(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    bus, name = _of_bus(id_)
    found = attempt(cloud, cloud.client("events").describe_rule, Name=name, EventBusName=bus)
    if found is None:
        return None
    return given(
        name=found["Name"],
        arn=found["Arn"],
        eventBusName=bus,
        description=found.get("Description"),
        eventPattern=found.get("EventPattern"),
        scheduleExpression=found.get("ScheduleExpression"),
        roleArn=found.get("RoleArn"),
        state=found["State"],
        isEnabled=found["State"] != "DISABLED",
        tagsAll=_tags(cloud, found["Arn"], inputs),
    )


def _delete_rule(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    bus, name = _of_bus(id_)
    force = given(Force=inputs.get("forceDestroy"))
    attempt(cloud, cloud.client("events").delete_rule, Name=name, EventBusName=bus, **force)


def _check_rule(inputs: Inputs) -> Iterator[str]:
    if not inputs.get("eventPattern") and not inputs.get("scheduleExpression"):
        yield "one of eventPattern and scheduleExpression has to be given"
    if "state" in inputs and "isEnabled" in inputs:
        yield "properties state and isEnabled exclude each other"
    if inputs.get("scheduleExpression") and inputs.get("eventBusName", DEFAULT_BUS) != DEFAULT_BUS:
        yield "property scheduleExpression: schedules run on the default bus only"


EVENT_RULE = ResourceType(
    token="aws:cloudwatch/eventRule:EventRule",
    properties={
        "name": honoured(replaces=True),
        "namePrefix": honoured(replaces=True),
        "eventBusName": honoured(replaces=True, default=DEFAULT_BUS),
        "description": honoured(),
        "eventPattern": honoured(document=True),
        "scheduleExpression": honoured(),
        "roleArn": honoured(),
        "state": honoured(choices=("ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")),
        "isEnabled": honoured(),
        "forceDestroy": honoured(),
        "tags": honoured(),
        "region": honoured(replaces=True),
    },
    computed=frozenset({"arn", "tagsAll"}),
    naming=Naming(prefix="namePrefix", longest=64),
    create=_create_rule,
    update=_update_rule,
    read=_read_rule,
    delete=_delete_rule,
    identify=_rule_id,
    check=_check_rule,
)

# --- permissions ------------------------------------------------------------------------------------------


def _permission_id(cloud: Cloud, inputs: Inputs) -> str:
    return _on_bus(inputs["eventBusName"], inputs["statementId"])


def _put_permission(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        cloud.client("events").put_permission(
            **given(
                EventBusName=inputs["eventBusName"],
                StatementId=inputs["statementId"],
                Action=inputs["action"],
                Principal=inputs["principal"],
                Condition=pascal(inputs.get("condition")),
            )
        )
    return _permission_id(cloud, inputs)


def _update_permission(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    _put_permission(cloud, new)


def _read_permission(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    bus, statement_id = _of_bus(id_)
    statements = json.loads(_bus_policy(cloud, bus) or '{"Statement": []}')["Statement"]
    found = next((entry for entry in statements if entry.get("Sid") == statement_id), None)
    if found is None:
        return None
    principal = found["Principal"]
    if isinstance(principal, dict):
        # An account is kept as its root's ARN.
        principal = principal["AWS"].split(":")[4] if ":" in principal["AWS"] else principal["AWS"]
    condition = next(
        (
            {"type": kind, "key": key, "value": value}
            for kind, keys in found.get("Condition", {}).items()
            for key, value in keys.items()
        ),
        None,
    )
    return given(
        eventBusName=bus,
        statementId=statement_id,
        action=found["Action"],
        principal=principal,
        condition=condition,
    )


def _delete_permission(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    bus, statement_id = _of_bus(id_)
    attempt(cloud, cloud.client("events").remove_permission, EventBusName=bus, StatementId=statement_id)


def _bus_policy(cloud: Cloud, bus: str) -> str | None:
    answer = attempt(cloud, cloud.client("events").describe_event_bus, Name=bus) or {}
    policy: str | None = answer.get("Policy") or None
    return policy


EVENT_PERMISSION = ResourceType(
    token="aws:cloudwatch/eventPermission:EventPermission",
    properties={
        "eventBusName": honoured(replaces=True, default=DEFAULT_BUS),
        "statementId": honoured(required=True, replaces=True),
        "principal": honoured(required=True),
        "action": honoured(default="events:PutEvents"),
        "condition": honoured(
            fields={name: honoured(required=True) for name in ("key", "type", "value")},
        ),
        "region": honoured(replaces=True),
    },
    computed=frozenset(),
    create=_put_permission,
    update=_update_permission,
    read=_read_permission,
    delete=_delete_permission,
    identify=_permission_id,
)


def _put_policy(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        cloud.client("events").put_permission(EventBusName=inputs["eventBusName"], Policy=inputs["policy"])
    return str(inputs["eventBusName"])


def _update_policy(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    _put_policy(cloud, new)


def _read_policy(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    policy = _bus_policy(cloud, id_)
    return None if policy is None else {"eventBusName": id_, "policy": policy}


def _delete_policy(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    attempt(cloud, cloud.client("events").remove_permission, EventBusName=id_, RemoveAllPermissions=True)


EVENT_BUS_POLICY = ResourceType(
    token="aws:cloudwatch/eventBusPolicy:EventBusPolicy",
    properties={
        "eventBusName": honoured(replaces=True, default=DEFAULT_BUS),
        "policy": honoured(required=True, document=True),
        "region": honoured(replaces=True),
    },
    computed=frozenset(),
    create=_put_policy,
    update=_update_policy,
    read=_read_policy,
    delete=_delete_policy,
    identify=lambda cloud, inputs: str(inputs["eventBusName"]),
)

TYPES = (EVENT_BUS, EVENT_RULE, EVENT_PERMISSION, EVENT_BUS_POLICY)
