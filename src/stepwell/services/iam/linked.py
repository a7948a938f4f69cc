"""Service-linked roles: a service's own, with a policy that only AWS changes.

Only those of services here whose policy is known are made; deletion is a task on AWS, done at once here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stepwell.api.operations import Operation, Right, Site, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.services.iam.entities import LINKED_PATH, ROLES, unique_id
from stepwell.services.iam.errors import InvalidInput, NoSuchEntity
from stepwell.services.iam.records import Attachment, Role
from stepwell.services.iam.roles import shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A service's role."""

    name: str
    #: the AWS managed policy in `aws-service-role/`
    policy: str
    description: str


#: by service principal
LINKED = {
    "ssm.amazonaws.com": Linked(
        name="AWSServiceRoleForAmazonSSM",
        policy="AmazonSSMServiceRolePolicy",
        description="Provides access to AWS Resources managed or used by Amazon SSM.",
    ),
}


def create_service_linked_role(call: Call, draft: Draft) -> dict[str, Any]:
    service = call.params["AWSServiceName"]
    linked = LINKED.get(service)
    if linked is None:
        raise InvalidInput(f"Stepwell makes no service-linked role for {service}")
    if draft.get(Role, linked.name.lower()) is not None:
        raise InvalidInput(
            f"Service role name {linked.name} has been taken in this account, please try a different suffix."
        )
    path = f"{LINKED_PATH}{service}/"
    policy = f"arn:aws:iam::aws:policy{LINKED_PATH}{linked.policy}"
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}],
    }
    role = Role(
        name=linked.name,
        path=path,
        id=unique_id(ROLES.prefix, draft),
        arn=ROLES.arn(draft.account, path, linked.name),
        created=draft.now,
        trust=json.dumps(trust),
        description=call.params.get("Description", linked.description),
        attached=(policy,),
    )
    draft.put(role)
    draft.put(Attachment(policy=policy, kind=ROLES.word, entity=role.key))
    return {"Role": shown(draft, role)}


def delete_service_linked_role(call: Call, draft: Draft) -> dict[str, Any]:
    role = ROLES.named(draft, call.params)
    if not role.path.startswith(LINKED_PATH):
        raise NoSuchEntity(f"The role with name {role.name} cannot be found.")
    for policy in role.attached:
        draft.delete(Attachment, Attachment(policy=policy, kind=ROLES.word, entity=role.key).key)
    draft.delete(Role, role.key)
    return {"DeletionTaskId": f"task{role.path}{role.name}/{draft.uuid()}"}


def get_service_linked_role_deletion_status(call: Call, view: View) -> dict[str, Any]:
    """A task that was given out has succeeded: the role was deleted with the call."""
    return {"Status": "SUCCEEDED"}


def _new_arn(params: Mapping[str, Any], site: Site) -> str:
    linked = LINKED.get(params["AWSServiceName"])
    return ROLES.arn(
        site.account, f"{LINKED_PATH}{params['AWSServiceName']}/", linked.name if linked else "*"
    )


def _linked_arn(params: Mapping[str, Any], site: Site) -> str:
    service = next((service for service, linked in LINKED.items() if linked.name == params["RoleName"]), "*")
    return ROLES.arn(site.account, f"{LINKED_PATH}{service}/", params["RoleName"])


OPERATIONS = (
    Operation(
        name="CreateServiceLinkedRole",
        rights=(
            Right(
                action="iam:CreateServiceLinkedRole",
                resource=_new_arn,
                keys={"iam:AWSServiceName": "AWSServiceName"},
            ),
        ),
        honoured=words("AWSServiceName Description"),
        decide=create_service_linked_role,
    ),
    Operation(
        name="DeleteServiceLinkedRole",
        rights=(Right(action="iam:DeleteServiceLinkedRole", resource=_linked_arn),),
        honoured=words("RoleName"),
        decide=delete_service_linked_role,
    ),
    Operation(
        name="GetServiceLinkedRoleDeletionStatus",
        rights=(Right(action="iam:GetServiceLinkedRoleDeletionStatus"),),
        honoured=words("DeletionTaskId"),
        read=get_service_linked_role_deletion_status,
    ),
)
