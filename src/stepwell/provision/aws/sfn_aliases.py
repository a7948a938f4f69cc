"""Step Functions: aliases of state machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stepwell.provision.aws.answers import moment
from stepwell.provision.aws.blocks import given
from stepwell.provision.cloud import Cloud, attempt, calling
from stepwell.provision.schema import Inputs, Naming, ResourceType, honoured


def _arn(cloud: Cloud, inputs: Inputs) -> str:
    """The alias of the machine whose versions it leads to."""
    version = str(inputs["routingConfigurations"][0]["stateMachineVersionArn"])
    return f"{version.rpartition(':')[0]}:{inputs['name']}"


def _settings(inputs: Inputs) -> dict[str, Any]:
    # An alias keeps a description that an update doesn't mention.
    return {
        "description": inputs.get("description") or "",
        "routingConfiguration": list(inputs["routingConfigurations"]),
    }


def _create(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        answer = cloud.client("stepfunctions").create_state_machine_alias(
            name=inputs["name"],
            **given(description=inputs.get("description")),
            routingConfiguration=list(inputs["routingConfigurations"]),
        )
    return str(answer["stateMachineAliasArn"])


def _update(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    if old and _settings(old) == _settings(new):
        return
    with calling(cloud):
        cloud.client("stepfunctions").update_state_machine_alias(stateMachineAliasArn=id_, **_settings(new))


def _read(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    states = cloud.client("stepfunctions")
    found = attempt(cloud, states.describe_state_machine_alias, stateMachineAliasArn=id_)
    if found is None:
        return None
    return given(
        arn=id_,
        name=found["name"],
        description=found.get("description") or None,
        routingConfigurations=[dict(route) for route in found["routingConfiguration"]],
        creationDate=moment(found.get("creationDate")),
    )


def _delete(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    attempt(cloud, cloud.client("stepfunctions").delete_state_machine_alias, stateMachineAliasArn=id_)


def _check(inputs: Inputs) -> Iterator[str]:
    weights = [route.get("weight") for route in inputs.get("routingConfigurations") or ()]
    if not 1 <= len(weights) <= 2:
        yield f"routingConfigurations has {len(weights)} entries: an alias leads to one or two versions"
    elif all(isinstance(weight, int | float) for weight in weights) and sum(weights) != 100:
        yield f"the weights of routingConfigurations add up to {sum(weights):g}: they must add up to 100"


ALIAS = ResourceType(
    token="aws:sfn/alias:Alias",
    properties={
        "name": honoured(replaces=True),
        "description": honoured(),
        "routingConfigurations": honoured(
            required=True,
            many=True,
            unordered=True,
            fields={
                "stateMachineVersionArn": honoured(required=True),
                "weight": honoured(required=True),
            },
        ),
        "region": honoured(replaces=True),
    },
    computed=frozenset(["arn", "creationDate"]),
    naming=Naming(longest=80),
    create=_create,
    update=_update,
    read=_read,
    delete=_delete,
    identify=_arn,
    check=_check,
)

TYPES = (ALIAS,)
