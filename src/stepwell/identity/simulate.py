"""What a decision would be, and why: the evaluator asked as IAM's policy simulator asks it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from stepwell.identity import documents, policy
from stepwell.identity.documents import Position
from stepwell.identity.evaluate import Decision, Policies, Request, decide, owner, request_context
from stepwell.identity.policy import Policy, Statement
from stepwell.identity.principals import Naming

Verdict = Literal["allowed", "explicitDeny", "implicitDeny"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A policy of the simulation, and what the answer calls it."""

    #: `PolicyInputList.1`, `AdministratorAccess`, `role_NAME_POLICY`, `ResourcePolicy`
    id: str
    #: `IAM Policy` or `Resource Policy`
    type: str
    text: str
    policy: Policy

    @classmethod
    def read(cls, text: str, id: str, *, resource: bool = False) -> Source:
        """Read a policy's text. Raises MalformedPolicyDocument."""
        return cls(
            id=id,
            type="Resource Policy" if resource else "IAM Policy",
            text=text,
            policy=policy.parse(text, kind="resource" if resource else "inline", name=id),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A statement that decided, and where it stands in its policy."""

    source: Source
    start: Position
    end: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The outcome for one action on one resource."""

    decision: Verdict
    #: the denying statements, or the allowing ones; none behind an implicit deny
    matches: tuple[Match, ...]
    #: context keys that statements about the action ask for and the request has not
    missing: tuple[str, ...]
    #: whether the permissions boundary allows it; None without one
    bounded: bool | None
    #: across accounts: what either side says by itself
    sides: Mapping[str, Verdict] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """The policies that are tried."""

    identity: Sequence[Source]
    boundary: Source | None = None
    resource: Source | None = None

    def run(self, request: Request, keys: Mapping[str, str | Sequence[str]]) -> Result:
        """The outcome of `request`; `keys` are what the caller brings along."""
        policies = Policies(
            identity=tuple(source.policy for source in self.identity),
            boundary=None if self.boundary is None else self.boundary.policy,
            resource=None if self.resource is None else self.resource.policy,
            keys=keys,
        )
        decision = decide(request, policies)
        return Result(
            decision=decision.reason,
            matches=tuple(self._matches(request, keys, decision)),
            missing=tuple(self._missing(request, keys)),
            bounded=self._bounded(request, keys),
            sides=self._sides(request, keys) if owner(request) != request.principal.account else {},
        )

    def _sources(self) -> Iterator[Source]:
        yield from self.identity
        for source in (self.boundary, self.resource):
            if source is not None:
                yield source

    def _matches(
        self, request: Request, keys: Mapping[str, str | Sequence[str]], decision: Decision
    ) -> Iterator[Match]:
        if decision.reason == "implicitDeny":
            return
        context, action = request_context(request, keys), request.action.lower()
        for source in self._sources():
            denied = decision.reason == "explicitDeny"
            chosen = source.policy.denies if denied else source.policy.allows
            if source is self.boundary and not denied:
                continue
            spans = documents.spans(source.text)
            for statement in chosen:
                named = statement.naming(request.principal) is not Naming.NONE
                if named and statement.applies(action, request.resource, context):
                    start, end = spans[statement.index]
                    yield Match(source=source, start=start, end=end)

    def _missing(self, request: Request, keys: Mapping[str, str | Sequence[str]]) -> Iterator[str]:
        context, action = request_context(request, keys), request.action.lower()
        seen = set()
        for source in self._sources():
            bodies = documents.statements(json.loads(source.text))
            for statement in (*source.policy.allows, *source.policy.denies):
                if not _speaks_of(statement, action):
                    continue
                for key in documents.context_keys(bodies[statement.index]):
                    if key.lower() not in seen and not context.get(key.lower()):
                        seen.add(key.lower())
                        yield key

    def _bounded(self, request: Request, keys: Mapping[str, str | Sequence[str]]) -> bool | None:
        if self.boundary is None:
            return None
        return decide(request, Policies(identity=(self.boundary.policy,), keys=keys)).allowed

    def _sides(self, request: Request, keys: Mapping[str, str | Sequence[str]]) -> dict[str, Verdict]:
        own = Policies(identity=tuple(source.policy for source in self.identity), keys=keys)
        theirs = Policies(
            resource=None if self.resource is None else self.resource.policy,
            resource_must_allow=True,
            identity=(EVERYTHING,),
            keys=keys,
        )
        return {
            "IAM Policy": decide(_within(request), own).reason,
            "Resource Policy": decide(_within(request), theirs).reason,
        }


#: stands for the identity's side where only the resource's is asked
EVERYTHING = policy.parse(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)


def _within(request: Request) -> Request:
    """The request as if the resource were of the caller's account."""
    return Request(
        action=request.action,
        resource=request.resource,
        principal=request.principal,
        context=request.context,
        resource_account=request.principal.account,
    )


def _speaks_of(statement: Statement, action: str) -> bool:
    return statement.actions.match(action) is not statement.actions_inverted
