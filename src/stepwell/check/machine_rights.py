"""What state machines need of their roles, held against what the program grants."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stepwell.check.definitions import MACHINE, definitions
from stepwell.check.json_values import ACCOUNT, REGION, UNTOLD, document, name, plain
from stepwell.check.program import Program
from stepwell.check.resources import Declared, referred
from stepwell.check.roles import Role, closest, compiled_leniently, roles
from stepwell.check.rules import Fault, Rule
from stepwell.check.sources import Place
from stepwell.check.values import Value, get, items
from stepwell.identity.derive import Comparison, Derived, Excess, Need, compare, derive, statements
from stepwell.identity.documents import statements as listed
from stepwell.identity.match import Names
from stepwell.identity.policy import MalformedPolicyDocument, Policy

#: AWS's console grants these to every machine that starts jobs; none of its states fails without
_GENERATED = frozenset({"sagemaker:ListTags"})
#: rights that go well with another: S3 answers NoSuchKey instead of AccessDenied to who may list, jobs are
#: tagged by who makes them, and a model's data is read for who registers it
_COMPANIONS = {
    "s3:ListBucket": "s3:GetObject",
    "s3:GetObject": "sagemaker:CreateModel",
    "sagemaker:AddTags": "sagemaker:Create",
    "sagemaker:ListTags": "sagemaker:Create",
}
#: rights on the rules by which Step Functions learns that a job has ended
_MANAGED_RULE = "rule/StepFunctionsGetEvent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A machine, its role, and what lies between need and grant."""

    machine: Declared
    #: the definition as it is written
    definition: Value
    role: Role
    derived: Derived
    comparison: Comparison
    #: whether nothing else takes on the role, and all that the machine does is known
    alone: bool


def holdings(program: Program) -> Iterator[Holding]:
    """The machines whose definition and role are known."""
    found = roles(program)
    told = {machine: (value, rendered) for machine, value, rendered in definitions(program)}
    for machine, (value, _) in told.items():
        role = found.get(referred(machine.get("roleArn")) or machine)
        rendered = plain(value, untold="*")
        if role is None or role.open or not isinstance(rendered.value, Mapping):
            continue
        try:
            derived = derive(
                rendered.value,
                account=ACCOUNT,
                region=REGION,
                name=name(machine),
                logging=machine.given("loggingConfiguration"),
                tracing=machine.given("tracingConfiguration"),
            )
            comparison = compare([each for _, each in granted(role)], derived.needs)
        except (MalformedPolicyDocument, AttributeError, TypeError, ValueError):
            # what is no definition and what is no policy have rules of their own
            continue
        certain = not rendered.untold and not derived.unknown and not derived.assumed
        yield Holding(
            machine=machine,
            definition=value,
            role=role,
            derived=derived,
            comparison=comparison,
            alone=certain and set(role.users) == {machine},
        )


def granted(role: Role) -> list[tuple[Value, Mapping[str, Any]]]:
    """The documents of a role, each with where it is written; AWS's own where they are attached."""
    own = [(each.value, plain(document(each.value), untold="*").value) for each in role.documents]
    foreign = [(value, known.document) for value, arn in role.managed if (known := closest(arn)) is not None]
    return [*own, *foreign]


def lacking(role: Role, needed: Iterator[Need] | tuple[Need, ...]) -> list[Need]:
    """What a role lacks. A resource known at run time only is enough if some of it is allowed.

    Of a role with a policy that IAM refuses nothing is said: that has a rule of its own.
    """
    if role.open or any(compiled_leniently(each) is None for each in role.documents):
        return []
    comparison = compare([each for _, each in granted(role)], needed)
    return _certain(role, comparison)


def _certain(role: Role, comparison: Comparison) -> list[Need]:
    return [
        need
        for need in comparison.missing
        if need.action not in _GENERATED and not ("*" in need.resource and _some(role, need))
    ]


def _some(role: Role, need: Need) -> bool:
    """Whether a role is allowed some of a resource that only run time will name."""
    for _, written in granted(role):
        for statement in listed(written):
            actions, resources = statement.get("Action"), statement.get("Resource")
            if statement.get("Effect") != "Allow":
                continue
            if actions is None or resources is None:
                return role.may_somewhere(need.action)
            if Names.of(str(each).lower() for each in _list(actions)).match(need.action.lower()) and any(
                _meet(_fixed(str(each)), _fixed(need.resource)) for each in _list(resources)
            ):
                return True
    return False


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def told(missing: list[Need]) -> tuple[str, str]:
    """What is missing in words, and the statement that would grant it; generated names end in `*`."""
    actions = sorted({need.action for need in missing})
    shown = ", ".join(actions[:3]) + (f" and {len(actions) - 3} more" if len(actions) > 3 else "")
    return shown, " ".join(json.dumps(each) for each in statements(missing)).replace(f"-{UNTOLD}", "-*")


def _missing(program: Program) -> Iterator[Fault]:
    yield from _by_state(program, managed=False)


def _managed_rules(program: Program) -> Iterator[Fault]:
    yield from _by_state(program, managed=True)


def _by_state(program: Program, *, managed: bool) -> Iterator[Fault]:
    for holding in holdings(program):
        by_state: dict[str, list[Need]] = {}
        for need in _certain(holding.role, holding.comparison):
            if (_MANAGED_RULE in need.resource) is managed:
                by_state.setdefault(need.why, []).append(need)
        for state, missing in by_state.items():
            shown, statement = told(missing)
            yield Fault(
                place=_state(holding, state),
                message=f"{holding.role.resource.label} lacks {shown}, which {state} of "
                f"{holding.machine.label} needs",
                mend=f"Add to the role's policy: {statement}",
            )


def _state(holding: Holding, state: str) -> Place:
    """Where a state is written; the machine's definition for what is of the whole machine."""
    waiting = [holding.definition]
    for _ in range(1000):
        if not waiting:
            break
        block = waiting.pop()
        states = get(block, "States")
        keys, entries = getattr(states, "keys", {}), getattr(states, "entries", {})
        if state in keys and keys[state].line:
            found: Place = keys[state]
            return found
        for each in entries.values():
            waiting += [inner for kind in ("Iterator", "ItemProcessor") if (inner := get(each, kind))]
            waiting += items(get(each, "Branches"))
    return holding.machine.at("definition")


def _excesses(program: Program, which: str) -> Iterator[Fault]:
    for holding in holdings(program):
        if not holding.alone:
            continue
        own = len(holding.role.documents)
        for excess in getattr(holding.comparison, which):
            if excess.policy >= own or (which == "unused" and excess.resource):
                continue
            written = document(holding.role.documents[excess.policy].value)
            statement = items(get(written, "Statement"))[excess.statement]
            if _justified(statement, excess, holding.derived.needs):
                continue
            yield Fault(place=_granting(statement, excess, holding), message=_worded(holding, excess))


def _justified(statement: Value, excess: Excess, needed: tuple[Need, ...]) -> bool:
    """Whether a right serves all the same: beside another, or for what only run time will name."""
    companion = _COMPANIONS.get(excess.action)
    if companion is not None and any(need.action.startswith(companion) for need in needed):
        return True
    if excess.resource:
        return any(_fixed(each) == _fixed(excess.resource) for each in excess.instead)
    if excess.instead or excess.condition:
        return False
    resources = [
        str(plain(each, untold="*").value)
        for each in items(getattr(statement, "entries", {}).get("Resource"))
    ]
    return any(
        Names.of([excess.action.lower()]).match(need.action.lower())
        and any(_meet(_fixed(need.resource), _fixed(each)) for each in resources)
        for need in needed
    )


def _fixed(pattern: str) -> str:
    """What comes before a pattern's first wildcard."""
    return pattern.partition("*")[0]


def _meet(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _granting(statement: Value, excess: Excess, holding: Holding) -> Place:
    """Where an action or resource is granted."""
    element = "Resource" if excess.resource else "Action"
    for value in items(getattr(statement, "entries", {}).get(element)):
        if plain(value, untold="*").value == (excess.resource or excess.action) and value.place.line:
            return value.place
    return statement.place if statement.place.line else holding.role.place


def _worded(holding: Holding, excess: Excess) -> str:
    what = f"`{excess.resource}`" if excess.resource else f"`{excess.action}`"
    machine = holding.machine.label
    if excess.condition:
        key, value = excess.condition[0]
        return f"{what} is granted without the condition {key} = {value}, with which {machine} needs it"
    if excess.instead:
        shown = ", ".join(excess.instead[:3]) + (", ..." if len(excess.instead) > 3 else "")
        return f"{what} is more than {machine} needs: {shown}"
    return f"{what} is granted, and nothing in {machine} needs it"


def _unused(program: Program) -> Iterator[Fault]:
    yield from _excesses(program, "unused")


def _too_wide(program: Program) -> Iterator[Fault]:
    yield from _excesses(program, "too_wide")


def useless(program: Program) -> Iterator[Fault]:
    """AWS's policies that are attached to a machine's role and grant nothing that it needs."""
    for holding in holdings(program):
        if any(user.type != MACHINE for user in holding.role.users):
            continue
        for value, arn in holding.role.managed:
            known = closest(arn)
            if known is not None and not _serves(known.policy, holding.derived.needs):
                yield Fault(
                    place=value.place,
                    message=f"{arn.rpartition('/')[2]} grants nothing that {holding.machine.label} needs",
                )


def _serves(found: Policy, needed: tuple[Need, ...]) -> bool:
    return any(
        statement.actions.match(need.action.lower()) is not statement.actions_inverted
        for statement in found.allows
        for need in needed
    )


RULES = (
    Rule(
        code="SW410",
        title="machine's role that may not do what a state does",
        severity="error",
        why="The state fails with AccessDeniedException.",
        mend="Grant the action; `stepwell policy derive` writes the whole policy.",
        find=_missing,
    ),
    Rule(
        code="SW411",
        title="managed rule of `.sync` not granted",
        severity="error",
        why="CreateStateMachine answers AccessDeniedException: not authorized to create managed-rule.",
        mend="Grant events:PutTargets, events:PutRule and events:DescribeRule on the rule.",
        find=_managed_rules,
    ),
    Rule(
        code="SW412",
        title="right that nothing needs",
        severity="warning",
        why="What the role may do beside its job, an error or an intruder may do too.",
        mend="Take it away; `stepwell policy derive` writes the whole policy.",
        find=_unused,
    ),
    Rule(
        code="SW413",
        title="right that is wider than what is needed",
        severity="warning",
        why="What the role may do beside its job, an error or an intruder may do too.",
        mend="Narrow it; `stepwell policy derive` writes the whole policy.",
        find=_too_wide,
    ),
)
