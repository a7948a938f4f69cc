"""IAM: the policies of roles, users and groups, inside them and attached to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stepwell.provision.aws.answers import document
from stepwell.provision.cloud import Cloud, attempt, calling, gone
from stepwell.provision.problems import ResourceFailed
from stepwell.provision.schema import Inputs, Naming, ResourceType, honoured


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A kind of thing that has policies, as its operations and parameters spell it."""

    #: `role`: behind `put_`, before `_policy`, and a program's property
    noun: str
    #: `RoleName`
    parameter: str

    def attached(self, cloud: Cloud, name: str) -> set[str] | None:
        """The ARNs of its attached policies; None when there is no such thing."""
        pages = cloud.client("iam").get_paginator(f"list_attached_{self.noun}_policies")
        try:
            with calling(cloud):
                answered = list(pages.paginate(**{self.parameter: name}))
        except ResourceFailed as error:
            if gone(error):
                return None
            raise
        return {entry["PolicyArn"] for page in answered for entry in page["AttachedPolicies"]}

    def attach(self, cloud: Cloud, name: str, arn: str) -> None:
        """Attaches a policy; it may be attached already."""
        with calling(cloud):
            getattr(cloud.client("iam"), f"attach_{self.noun}_policy")(
                **{self.parameter: name}, PolicyArn=arn
            )

    def detach(self, cloud: Cloud, name: str, arn: str) -> None:
        """Detaches a policy; it need not be attached."""
        call = getattr(cloud.client("iam"), f"detach_{self.noun}_policy")
        attempt(cloud, call, **{self.parameter: name}, PolicyArn=arn)


ROLE = Holder(noun="role", parameter="RoleName")
USER = Holder(noun="user", parameter="UserName")
GROUP = Holder(noun="group", parameter="GroupName")


def _inline(token: str, holder: Holder) -> ResourceType:
    """The type of a policy inside a holder; its id is `HOLDER:NAME`."""
    noun, parameter = holder.noun, holder.parameter

    def create(cloud: Cloud, inputs: Inputs) -> str:
        with calling(cloud):
            put = getattr(cloud.client("iam"), f"put_{noun}_policy")
            put(**{parameter: inputs[noun]}, PolicyName=inputs["name"], PolicyDocument=inputs["policy"])
        return identify(cloud, inputs)

    def update(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
        create(cloud, new)

    def read(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
        owner, _, name = id_.partition(":")
        get = getattr(cloud.client("iam"), f"get_{noun}_policy")
        answer = attempt(cloud, get, **{parameter: owner}, PolicyName=name)
        if answer is None:
            return None
        return {noun: owner, "name": name, "policy": document(answer["PolicyDocument"])}

    def delete(cloud: Cloud, id_: str, inputs: Inputs) -> None:
        owner, _, name = id_.partition(":")
        call = getattr(cloud.client("iam"), f"delete_{noun}_policy")
        attempt(cloud, call, **{parameter: owner}, PolicyName=name)

    def identify(cloud: Cloud, inputs: Inputs) -> str:
        return f"{inputs[noun]}:{inputs['name']}"

    return ResourceType(
        token=token,
        properties={
            "name": honoured(replaces=True),
            "namePrefix": honoured(replaces=True),
            "policy": honoured(required=True, document=True),
            noun: honoured(required=True, replaces=True),
        },
        computed=frozenset(),
        naming=Naming(prefix="namePrefix", longest=128),
        create=create,
        update=update,
        read=read,
        delete=delete,
        identify=identify,
    )


def _attachment(token: str, holder: Holder) -> ResourceType:
    """The type of one policy attached to one holder; its id is `HOLDER/ARN`."""

    def create(cloud: Cloud, inputs: Inputs) -> str:
        holder.attach(cloud, inputs[holder.noun], inputs["policyArn"])
        return identify(cloud, inputs)

    def read(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
        owner, _, arn = id_.partition("/")
        found = holder.attached(cloud, owner) or ()
        return {holder.noun: owner, "policyArn": arn} if arn in found else None

    def delete(cloud: Cloud, id_: str, inputs: Inputs) -> None:
        owner, _, arn = id_.partition("/")
        holder.detach(cloud, owner, arn)

    def identify(cloud: Cloud, inputs: Inputs) -> str:
        return f"{inputs[holder.noun]}/{inputs['policyArn']}"

    return ResourceType(
        token=token,
        properties={
            holder.noun: honoured(required=True, replaces=True),
            "policyArn": honoured(required=True, replaces=True),
        },
        computed=frozenset(),
        create=create,
        read=read,
        delete=delete,
        identify=identify,
    )


# --- one policy, attached to all that have it -------------------------------------------------------------

# property, the member of ListEntitiesForPolicy's answer, the name's in it, holder
_ENTITIES = (
    ("roles", "PolicyRoles", "RoleName", ROLE),
    ("users", "PolicyUsers", "UserName", USER),
    ("groups", "PolicyGroups", "GroupName", GROUP),
)


def _attach_all(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    _update_everywhere(cloud, id_, {}, inputs)


def _update_everywhere(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    arn = new["policyArn"]
    for ours, _, _, holder in _ENTITIES:
        before, after = set(old.get(ours) or ()), set(new.get(ours) or ())
        for name in sorted(after - before):
            holder.attach(cloud, name, arn)
        for name in sorted(before - after):
            holder.detach(cloud, name, arn)


def _read_everywhere(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    arn = inputs.get("policyArn")
    if arn is None:
        raise ResourceFailed(
            "an attachment can't be read by its id alone", advice="Give `policy_arn` as well"
        )
    try:
        with calling(cloud):
            pages = list(
                cloud.client("iam").get_paginator("list_entities_for_policy").paginate(PolicyArn=arn)
            )
    except ResourceFailed as error:
        if gone(error):
            return None
        raise
    found: dict[str, Any] = {"name": id_, "policyArn": arn}
    for ours, member, name, _ in _ENTITIES:
        listed = [entry[name] for page in pages for entry in page.get(member, ())]
        if listed or inputs.get(ours):
            found[ours] = listed
    return found


def _detach_all(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    _update_everywhere(cloud, id_, inputs, {"policyArn": inputs["policyArn"]})


def _check_everywhere(inputs: Inputs) -> Iterator[str]:
    if not any(inputs.get(ours) for ours, *_ in _ENTITIES):
        yield "one of roles, users and groups has to be given"


POLICY_ATTACHMENT = ResourceType(
    token="aws:iam/policyAttachment:PolicyAttachment",
    properties={
        "name": honoured(replaces=True),
        "policyArn": honoured(required=True, replaces=True),
        **{ours: honoured(unordered=True) for ours, *_ in _ENTITIES},
    },
    computed=frozenset(),
    naming=Naming(longest=128),
    create=lambda cloud, inputs: str(inputs["name"]),
    settle=_attach_all,
    update=_update_everywhere,
    read=_read_everywhere,
    delete=_detach_all,
    identify=lambda cloud, inputs: str(inputs["name"]),
    check=_check_everywhere,
)

# --- a role with these policies and no others -------------------------------------------------------------


def _only_these(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    present, asked = ROLE.attached(cloud, id_) or set(), set(inputs["policyArns"])
    for arn in sorted(asked - present):
        ROLE.attach(cloud, id_, arn)
    for arn in sorted(present - asked):
        ROLE.detach(cloud, id_, arn)


def _update_exclusive(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    _only_these(cloud, id_, new)


def _read_exclusive(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    present = ROLE.attached(cloud, id_)
    return None if present is None else {"roleName": id_, "policyArns": sorted(present)}


def _stop_watching(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    """What is attached stays: the resource only says that there is nothing else."""


ROLE_POLICY_ATTACHMENTS_EXCLUSIVE = ResourceType(
    token="aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
    properties={
        "roleName": honoured(required=True, replaces=True),
        "policyArns": honoured(required=True, unordered=True),
    },
    computed=frozenset(),
    create=lambda cloud, inputs: str(inputs["roleName"]),
    settle=_only_these,
    update=_update_exclusive,
    read=_read_exclusive,
    delete=_stop_watching,
    identify=lambda cloud, inputs: str(inputs["roleName"]),
)

TYPES = (
    _inline("aws:iam/rolePolicy:RolePolicy", ROLE),
    _inline("aws:iam/userPolicy:UserPolicy", USER),
    _inline("aws:iam/groupPolicy:GroupPolicy", GROUP),
    _attachment("aws:iam/rolePolicyAttachment:RolePolicyAttachment", ROLE),
    _attachment("aws:iam/userPolicyAttachment:UserPolicyAttachment", USER),
    _attachment("aws:iam/groupPolicyAttachment:GroupPolicyAttachment", GROUP),
    POLICY_ATTACHMENT,
    ROLE_POLICY_ATTACHMENTS_EXCLUSIVE,
)
