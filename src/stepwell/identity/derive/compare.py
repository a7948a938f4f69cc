"""What policies grant beside what is needed: rights that are missing, unused, or wider than they must be."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepwell import arn
from stepwell.calls import Caller
from stepwell.identity import documents, policy
from stepwell.identity.derive.needs import Need, covers
from stepwell.identity.evaluate import Policies, Request, decide
from stepwell.identity.match import Names

_WILD = ("*", "?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """An action or a resource of a granting statement that is not needed as it stands."""

    #: which of the documents, and which of its statements, from 0
    policy: int
    statement: int
    #: the action as it is granted
    action: str
    #: the resource as it is granted; empty where the action is the matter
    resource: str = ""
    #: what would do; empty for what nothing needs
    instead: tuple[str, ...] = ()
    #: a condition that would bind it to its use
    condition: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is wrong with granted policies; nothing, if all three are empty."""

    #: needed, and not allowed
    missing: tuple[Need, ...] = ()
    #: allowed, and never needed
    unused: tuple[Excess, ...] = ()
    #: needed, but not that much of it
    too_wide: tuple[Excess, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether the policies grant what is needed and no more."""
        return not (self.missing or self.unused or self.too_wide)


def compare(granted: Iterable[Mapping[str, Any] | str], needed: Iterable[Need]) -> Comparison:
    """Hold identity policies against what is needed. Raises MalformedPolicyDocument.

    A resource with wildcards is allowed only where all of it is.
    """
    read = [json.loads(each) if isinstance(each, str) else each for each in granted]
    compiled = tuple(policy.parse(each) for each in read)
    wanted = list(needed)
    excess = [each for index, document in enumerate(read) for each in _excess(index, document, wanted)]
    return Comparison(
        missing=tuple(need for need in wanted if not _allowed(need, compiled)),
        unused=tuple(each for each in excess if not (each.instead or each.condition)),
        too_wide=tuple(each for each in excess if each.instead or each.condition),
    )


def _allowed(need: Need, policies: tuple[policy.Policy, ...]) -> bool:
    named = arn.parse(need.resource)
    account = named.account if named is not None and named.account.isdigit() else "0" * 12
    role = Caller(
        arn=f"arn:aws:sts::{account}:assumed-role/role/session",
        account=account,
        kind="role",
        role=f"arn:aws:iam::{account}:role/role",
    )
    keys: dict[str, str | Sequence[str]] = dict(need.keys)
    if named is not None and named.region:
        keys.setdefault("aws:RequestedRegion", named.region)
    request = Request(action=need.action, resource=need.resource, principal=role, context=keys)
    return decide(request, Policies(identity=policies)).allowed


def _excess(index: int, document: Mapping[str, Any], wanted: Sequence[Need]) -> Iterator[Excess]:
    for number, body in enumerate(documents.statements(document)):
        if body.get("Effect") != "Allow":
            continue
        actions = _listed(body.get("Action", "*" if "NotAction" in body else []))
        granted = _listed(body.get("Resource", "*"))
        served = [
            need
            for need in wanted
            if any(_names(action, need) for action in actions)
            and any(covers(resource, need.resource) for resource in granted)
        ]
        for action in actions:
            yield from _of_action(
                index, number, action, [need for need in served if _names(action, need)], body
            )
        for resource in granted if served else ():
            yield from _of_resource(index, number, resource, actions, served)


def _of_action(
    index: int, number: int, action: str, served: list[Need], body: Mapping[str, Any]
) -> Iterator[Excess]:
    instead = tuple(sorted({need.action for need in served}))
    if not served or any(mark in action for mark in _WILD):
        yield Excess(policy=index, statement=number, action=action, instead=instead)
    conditions = {key.lower() for keys in body.get("Condition", {}).values() for key in keys}
    unbound = sorted({pair for need in served for pair in need.keys if pair[0].lower() not in conditions})
    if unbound:
        yield Excess(policy=index, statement=number, action=action, condition=tuple(unbound))


def _of_resource(
    index: int, number: int, resource: str, actions: list[str], served: list[Need]
) -> Iterator[Excess]:
    within = {need.resource for need in served if covers(resource, need.resource)}
    wide = any(mark in resource for mark in _WILD) and resource not in within
    if not within or wide:
        yield Excess(
            policy=index,
            statement=number,
            action=", ".join(actions),
            resource=resource,
            instead=tuple(sorted(within)),
        )


def _names(action: str, need: Need) -> bool:
    return Names.of([action.lower()]).match(need.action.lower())


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
