"""DescribeInstanceInformation, DescribeInstanceProperties, UpdateManagedInstanceRole.

An alias is listed as the EC2 instance that a program takes it for; all rows tell of the same machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from stepwell import __version__
from stepwell.api import callers
from stepwell.api.operations import Operation, Right, words
from stepwell.api.roles import trusts
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.errors import AwsError, ValidationException
from stepwell.services.ssm import tags
from stepwell.services.ssm.errors import InvalidFilterKey, InvalidInstanceId
from stepwell.services.ssm.instances import aliases, inventory, machine
from stepwell.services.ssm.paging import listed
from stepwell.services.ssm.parts import Parts

#: filter → the member that it looks at
FILTERS = {
    "InstanceIds": "InstanceId",
    "AgentVersion": "AgentVersion",
    "PingStatus": "PingStatus",
    "PlatformTypes": "PlatformType",
    "ActivationIds": "ActivationId",
    "IamRole": "IamRole",
    "ResourceType": "ResourceType",
    "AssociationStatus": "AssociationStatus",
    "SourceIds": "SourceId",
    "SourceTypes": "SourceType",
}
#: how a filter of DescribeInstanceProperties compares a member with one of its values
OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "Equal": lambda found, wanted: found == wanted,
    "NotEqual": lambda found, wanted: found != wanted,
    "BeginWith": lambda found, wanted: found.startswith(wanted),
    "LessThan": lambda found, wanted: found < wanted,
    "GreaterThan": lambda found, wanted: found > wanted,
}
#: AgentVersion: this server is the agent
AGENT_VERSION = ".".join([*re.findall(r"\d+", __version__), "0", "0", "0"][:3])
#: the role with its path, as IamRole spells it: exactly the one that PassRole was asked for
ROLE_ARN = "arn:aws:iam::{account}:role/{IamRole}"


def operations(parts: Parts, associated: Callable[[View, str], dict[str, Any]]) -> list[Operation]:
    """The rows; pings carry the time at which they are asked for.

    associated: what associations add to an instance's row, by its id.
    """
    clock = parts.context.clock

    def listing(view: View) -> Iterator[dict[str, Any]]:
        return ({**row, **associated(view, row["InstanceId"])} for row in rows(view, clock.now()))

    def information(call: Call, view: View) -> dict[str, Any]:
        wanted = [
            *(
                (each["key"], each["valueSet"])
                for each in call.params.get("InstanceInformationFilterList", ())
            ),
            *((each["Key"], each["Values"]) for each in call.params.get("Filters", ())),
        ]
        found = [
            {**row, "IsLatestVersion": True}
            for row in listing(view)
            if all(_fits(view, row, key, values, OPERATORS["Equal"]) for key, values in wanted)
        ]
        page, token = listed(call.params, found, lambda row: str(row["InstanceId"]))
        return {"InstanceInformationList": page, **token}

    def properties(call: Call, view: View) -> dict[str, Any]:
        wanted = [
            *(
                (each["key"], each["valueSet"], "Equal")
                for each in call.params.get("InstancePropertyFilterList", ())
            ),
            *(
                (each["Key"], each["Values"], each.get("Operator", "Equal"))
                for each in call.params.get("FiltersWithOperator", ())
            ),
        ]
        here = machine.find(view)
        more = {"Architecture": here.machine.architecture, "InstanceState": "running"} if here else {}
        found = [
            {**row, **more}
            for row in listing(view)
            if all(_fits(view, row, key, values, OPERATORS[name]) for key, values, name in wanted)
        ]
        page, token = listed(call.params, found, lambda row: str(row["InstanceId"]))
        return {"InstanceProperties": page, **token}

    return [
        Operation(
            name="DescribeInstanceInformation",
            rights=(Right(action="ssm:DescribeInstanceInformation"),),
            honoured=words("InstanceInformationFilterList Filters MaxResults NextToken"),
            read=information,
        ),
        Operation(
            name="DescribeInstanceProperties",
            rights=(Right(action="ssm:DescribeInstanceProperties"),),
            honoured=words("InstancePropertyFilterList FiltersWithOperator MaxResults NextToken"),
            read=properties,
        ),
        Operation(
            name="UpdateManagedInstanceRole",
            rights=(
                Right(
                    action="ssm:UpdateManagedInstanceRole",
                    resource="arn:aws:ssm:{region}:{account}:managed-instance/{InstanceId}",
                ),
                Right(
                    action="iam:PassRole",
                    resource=ROLE_ARN,
                    keys={"iam:PassedToService": "=ssm.amazonaws.com"},
                ),
            ),
            honoured=words("InstanceId IamRole"),
            decide=update_role,
        ),
        *inventory.operations(clock),
    ]


def rows(view: View, now: float) -> Iterator[dict[str, Any]]:
    """The machine as both Describe operations show it: under its own id, then under each alias."""
    here = machine.find(view)
    if here is None:
        return
    facts = here.machine
    shown: dict[str, Any] = {
        "PingStatus": "Online",
        "LastPingDateTime": now,
        "AgentVersion": AGENT_VERSION,
        "PlatformType": facts.platform_type,
        "PlatformName": facts.platform_name,
        "PlatformVersion": facts.platform_version,
        "IPAddress": facts.ip_address,
        "ComputerName": facts.computer_name,
    }
    own: dict[str, Any] = {
        "Name": tags.of(view, "ManagedInstance", here.id).get("Name", facts.computer_name),
        "RegistrationDate": here.registered,
        "SourceId": here.id,
        "SourceType": "AWS::SSM::ManagedInstance",
    }
    if here.role is not None:
        own["IamRole"] = here.role.rpartition("/")[2]
    yield {"InstanceId": here.id, **shown, **own, "ResourceType": "ManagedInstance"}
    for alias in aliases.every(view):
        yield {
            "InstanceId": alias,
            **shown,
            "ResourceType": "EC2Instance",
            "SourceId": alias,
            "SourceType": "AWS::EC2::Instance",
        }


def _fits(
    view: View, row: Mapping[str, Any], key: str, values: list[str], compare: Callable[[str, str], bool]
) -> bool:
    """Whether any of a filter's values fits. Raises InvalidFilterKey."""
    if key.startswith("tag"):
        own = tags.of(view, "ManagedInstance", row["InstanceId"])
        if key == "tag-key":
            return any(compare(name, value) for name in own for value in values)
        if key.startswith("tag:"):
            found = own.get(key.removeprefix("tag:"))
            return found is not None and any(compare(found, value) for value in values)
    if key not in FILTERS:
        raise InvalidFilterKey(f"The specified key isn't valid: {key}.")
    found = row.get(FILTERS[key])
    return found is not None and any(compare(str(found), value) for value in values)


def update_role(call: Call, draft: Draft) -> None:
    """UpdateManagedInstanceRole: commands that begin from now on get this role's credentials."""
    here = machine.find(draft)
    if here is None or here.id != call.params["InstanceId"]:
        raise InvalidInstanceId.of([call.params["InstanceId"]], draft.account)
    name = call.params["IamRole"]
    asking = Call(
        service="iam",
        operation="GetRole",
        params={"RoleName": name.rpartition("/")[2]},
        caller=callers.root(draft.account),
    )
    try:
        role = str(draft.ask(asking).output["Role"]["Arn"])
    except AwsError as error:
        raise ValidationException(f"There is no role {name}.") from error
    if role != ROLE_ARN.format(account=draft.account, IamRole=name):
        raise ValidationException(f"There is no role {name}; a role with a path is named with it.")
    if not trusts(draft, role, "ssm.amazonaws.com"):
        raise ValidationException(f"The role {name} does not let ssm.amazonaws.com assume it.")
    draft.put(replace(here, role=role))
