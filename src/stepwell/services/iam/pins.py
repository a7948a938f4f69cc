"""Trust policies mean the very users and roles that they named, not later ones of the same name.

IAM keeps the unique id of each user or role that a trust policy names by ARN. While that one exists its
ARN is shown; once it is gone the id is, and whoever is created under the old name is not trusted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from stepwell import arn as arns
from stepwell.durable import View
from stepwell.identity.policy import MalformedPolicyDocument
from stepwell.services.iam.entities import ROLES, USERS, find_arn
from stepwell.services.iam.records import Role


def pin(view: View, text: str) -> dict[str, str]:
    """The unique ids of the account's users and roles that a trust policy names, by ARN.

    Raises MalformedPolicyDocument with AWS's text for one that does not exist.
    """
    pinned: dict[str, str] = {}
    for name in _named(json.loads(text)):
        parsed = arns.parse(name)
        if parsed is None or parsed.service != "iam" or parsed.account != view.account:
            continue
        if not parsed.resource.startswith(("role/", "user/")):
            continue
        entity = find_arn(view, name)
        if entity is None:
            raise MalformedPolicyDocument(f'Invalid principal in policy: "AWS":"{name}"')
        pinned[name] = entity.id
    return pinned


def trust_of(view: View, role: Role) -> str:
    """The trust policy as it holds now: ARNs of those that exist, unique ids of those that are gone."""
    moved = {}
    for name, unique_id in role.pinned.items():
        entity = find_arn(view, name)
        if entity is None or entity.id != unique_id:
            moved[name] = _arn_of(view, unique_id) or unique_id
    if not moved:
        return role.trust
    document = json.loads(role.trust)
    _rename(document, lambda name: moved.get(name, name))
    return json.dumps(document)


def _arn_of(view: View, unique_id: str) -> str | None:
    """The present ARN of a user that was renamed or moved; roles never are."""
    kind = USERS if unique_id.startswith(USERS.prefix) else ROLES
    return next((entity.arn for entity in view.scan(kind.record) if entity.id == unique_id), None)


def _principals(document: Any) -> Iterator[dict[str, Any]]:
    """The Principal elements that are objects; the document is a valid trust policy."""
    statements = document["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        for element in ("Principal", "NotPrincipal"):
            if isinstance(statement.get(element), dict):
                yield statement[element]


def _named(document: Any) -> Iterator[str]:
    for principal in _principals(document):
        names = principal.get("AWS", [])
        yield from [names] if isinstance(names, str) else names


def _rename(document: Any, renamed: Callable[[str], str]) -> None:
    for principal in _principals(document):
        names = principal.get("AWS")
        if isinstance(names, str):
            principal["AWS"] = renamed(names)
        elif names is not None:
            principal["AWS"] = [renamed(name) for name in names]
