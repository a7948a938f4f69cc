"""Attachments of managed policies to roles, users and groups, and which entities a policy reaches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.services.iam import paging
from stepwell.services.iam.entities import KINDS, LINKED_PATH, PAGING, Kind, kind_of
from stepwell.services.iam.errors import NoSuchEntity, PolicyNotAttachable, quota
from stepwell.services.iam.policies import USES, find_policy
from stepwell.services.iam.records import Attachment


def _operations(kind: Kind[Any]) -> tuple[Operation, ...]:
    noun = kind.noun

    def attach(call: Call, draft: Draft) -> None:
        entity = kind.changeable(draft, call.params)
        policy = find_policy(draft, call.params["PolicyArn"])
        arn = policy.arn
        if policy.path.startswith(LINKED_PATH):
            raise PolicyNotAttachable("Cannot attach a Service Role Policy to a Customer Role.")
        if arn in entity.attached:
            return
        if len(entity.attached) >= kind.attached_limit:
            raise quota(f"PoliciesPer{noun}", kind.attached_limit)
        draft.put(replace(entity, attached=(*entity.attached, arn)))
        draft.put(Attachment(policy=arn, kind=kind.word, entity=entity.key))

    def detach(call: Call, draft: Draft) -> None:
        entity = kind.changeable(draft, call.params)
        arn = call.params["PolicyArn"]
        if arn not in entity.attached:
            raise NoSuchEntity(f"Policy {arn} was not found.")
        draft.put(replace(entity, attached=tuple(each for each in entity.attached if each != arn)))
        draft.delete(Attachment, Attachment(policy=arn, kind=kind.word, entity=entity.key).key)

    def listed(call: Call, view: View) -> dict[str, Any]:
        entity = kind.named(view, call.params)
        prefix, after = call.params.get("PathPrefix", "/"), paging.start(call.params)
        policies = (find_policy(view, arn) for arn in sorted(entity.attached) if arn > after)
        matching = (policy for policy in policies if policy.path.startswith(prefix))
        return paging.page(
            call.params,
            "AttachedPolicies",
            matching,
            lambda policy: policy.arn,
            lambda policy: {"PolicyName": policy.name, "PolicyArn": policy.arn},
        )

    return (
        kind.operation(f"Attach{noun}Policy", "PolicyArn", keys="iam:PolicyARN=PolicyArn", decide=attach),
        kind.operation(f"Detach{noun}Policy", "PolicyArn", keys="iam:PolicyARN=PolicyArn", decide=detach),
        kind.operation(f"ListAttached{noun}Policies", "PathPrefix" + PAGING, read=listed),
    )


def _reached(view: View, arn: str, after: str, usage: str | None) -> Iterator[tuple[str, Attachment]]:
    """Attachments behind the place `after`, each with its own: policies first, then boundaries."""
    for rank, (name, record) in enumerate(USES.items()):
        if usage in (None, name):
            for found in view.scan(record, prefix=arn + "|"):
                place = f"{rank}{found.key}"
                if place > after:
                    yield place, found


def list_entities_for_policy(call: Call, view: View) -> dict[str, Any]:
    params = call.params
    arn = find_policy(view, params["PolicyArn"]).arn
    wanted, prefix = params.get("EntityFilter"), params.get("PathPrefix", "/")
    found = (
        (place, attachment)
        for place, attachment in _reached(view, arn, paging.start(params), params.get("PolicyUsageFilter"))
        if wanted in (None, kind_of(attachment.kind).noun)
        and kind_of(attachment.kind).find(view, attachment.entity).path.startswith(prefix)
    )
    page = paging.page(params, "Entities", found, lambda pair: pair[0], lambda pair: pair[1])
    entities = page.pop("Entities")
    for kind in KINDS:
        page[f"Policy{kind.noun}s"] = [
            {kind.parameter: entity.name, f"{kind.noun}Id": entity.id}
            for entity in (kind.find(view, each.entity) for each in entities if each.kind == kind.word)
        ]
    return page


OPERATIONS = (
    *(operation for kind in KINDS for operation in _operations(kind)),
    Operation(
        name="ListEntitiesForPolicy",
        rights=(Right(action="iam:ListEntitiesForPolicy", resource="{PolicyArn}"),),
        honoured=words("PolicyArn EntityFilter PathPrefix PolicyUsageFilter" + PAGING),
        read=list_entities_for_policy,
    ),
)
