"""Targets of rules: put, removed, listed.

What a target may be is decided by what this server delivers to: a kind that it does not serve is refused by
its name, so that no rule waits for what never comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from stepwell import arn
from stepwell.api.operations import Operation, Right, Site, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.errors import ValidationException
from stepwell.services.events import names, paging
from stepwell.services.events.errors import too_many
from stepwell.services.events.parts import Parts
from stepwell.services.events.records import Rule, find_bus, find_rule, save
from stepwell.services.events.roles import require_trusted
from stepwell.services.events.routing import transformer_of
from stepwell.triggers.targets import needed
from stepwell.triggers.transformers import InvalidInput

#: targets of one rule (EventBridge quotas)
LIMIT = 5
#: services whose targets act under a role of the target's
_WITH_ROLE = frozenset({"events", "ssm", "states"})


def operations(parts: Parts) -> tuple[Operation, ...]:
    """The operations of this noun."""

    def put(call: Call, draft: Draft) -> dict[str, Any]:
        """PutTargets: a target whose Id is there already is replaced."""
        rule = find_rule(draft, names.bus_name(call.params), call.params["Rule"])
        targets = {target["Id"]: target for target in rule.targets}
        for target in call.params["Targets"]:
            _check(target, rule, parts, draft)
            targets[target["Id"]] = dict(target)
        if len(targets) > LIMIT:
            raise too_many()
        save(draft, replace(rule, targets=[targets[each] for each in sorted(targets)]))
        return {"FailedEntryCount": 0, "FailedEntries": []}

    return (
        Operation(
            name="PutTargets",
            rights=(
                names.rule_right("PutTargets", "Rule", TargetArn=_arns),
                Right(
                    action="iam:PassRole",
                    resource=_roles,
                    keys={"iam:PassedToService": f"={names.SERVICE}"},
                    when=lambda params: any(target.get("RoleArn") for target in params["Targets"]),
                ),
            ),
            honoured=words(
                "Rule EventBusName Targets.Id Targets.Arn Targets.RoleArn Targets.Input Targets.InputPath "
                "Targets.InputTransformer Targets.RunCommandParameters Targets.SqsParameters "
                "Targets.DeadLetterConfig Targets.RetryPolicy"
            ),
            decide=put,
        ),
        Operation(
            name="RemoveTargets",
            rights=(names.rule_right("RemoveTargets", "Rule"),),
            honoured=words("Rule EventBusName Ids"),
            recorded=("Force",),
            decide=remove,
        ),
        Operation(
            name="ListTargetsByRule",
            rights=(names.rule_right("ListTargetsByRule", "Rule"),),
            honoured=words("Rule EventBusName NextToken Limit"),
            read=list_of_rule,
        ),
        Operation(
            name="ListRuleNamesByTarget",
            rights=(Right(action="events:ListRuleNamesByTarget"),),
            honoured=words("TargetArn EventBusName NextToken Limit"),
            read=list_rules,
        ),
    )


def remove(call: Call, draft: Draft) -> dict[str, Any]:
    """RemoveTargets: ids that are not there are told, the others go."""
    rule = find_rule(draft, names.bus_name(call.params), call.params["Rule"])
    gone = set(call.params["Ids"])
    left = [target for target in rule.targets if target["Id"] not in gone]
    if len(left) != len(rule.targets):
        save(draft, replace(rule, targets=left))
    unknown = sorted(gone - {target["Id"] for target in rule.targets})
    failed = [
        {
            "TargetId": each,
            "ErrorCode": "ResourceNotFoundException",
            "ErrorMessage": (
                f"Rule {rule.name} on EventBus {rule.bus} does not have a target with the Id(s): [{each}]."
            ),
        }
        for each in unknown
    ]
    return {"FailedEntryCount": len(failed), "FailedEntries": failed}


def list_of_rule(call: Call, view: View) -> dict[str, Any]:
    """ListTargetsByRule, by their ids."""
    params = call.params
    rule = find_rule(view, names.bus_name(params), params["Rule"])
    after = paging.start(params)
    found = [target for target in rule.targets if target["Id"] > after]
    return paging.page(params, "Targets", found, lambda target: target["Id"], lambda target: target)


def list_rules(call: Call, view: View) -> dict[str, Any]:
    """ListRuleNamesByTarget, by name."""
    params = call.params
    bus = names.bus_name(params)
    find_bus(view, bus)
    found = (
        rule
        for rule in view.scan(Rule, prefix=f"{bus}/", after=paging.start(params))
        if any(target["Arn"] == params["TargetArn"] for target in rule.targets)
    )
    return paging.page(params, "RuleNames", found, lambda rule: rule.key, lambda rule: rule.name)


def _check(target: Mapping[str, Any], rule: Rule, parts: Parts, draft: Draft) -> None:
    """Raise ValidationException for a target that could never get an event."""
    name, parsed = target["Arn"], arn.parse(target["Arn"])
    if parsed is None:
        raise ValidationException(
            f"Parameter {name} is not valid. Reason: Provided Arn is not in correct format."
        )
    is_bus = parsed.service == "events" and parsed.resource.startswith("event-bus/")
    call = needed(name)
    if not is_bus and (call is None or not parts.serves(*call)):
        raise ValidationException(f"PutTargets: {name} is not supported by Stepwell as a target")
    if parsed.service in _WITH_ROLE and not target.get("RoleArn"):
        raise ValidationException(f"RoleArn is required for target {name}.")
    if target.get("RoleArn"):
        require_trusted(draft, target["RoleArn"], rule.arn)
    if parsed.service == "ssm" and "RunCommandParameters" not in target:
        raise ValidationException(f"RunCommandParameters is required for target {target['Id']}.")
    _check_input(target, is_bus=is_bus)
    _check_dead_letter(target, parts)


def _check_input(target: Mapping[str, Any], *, is_bus: bool) -> None:
    transformer = transformer_of(target)
    if is_bus and any(each in target for each in ("Input", "InputPath", "InputTransformer")):
        raise ValidationException(f"An event bus gets the event itself: target {target['Id']} has an input.")
    try:
        transformer.check(target["Id"])
    except InvalidInput as error:
        raise ValidationException(str(error)) from error


def _check_dead_letter(target: Mapping[str, Any], parts: Parts) -> None:
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    if queue is None:
        return
    call = needed(queue)
    if call != ("sqs", "SendMessage"):
        raise ValidationException(
            f"Parameter {queue} is not valid. Reason: a dead letter goes to an SQS queue."
        )
    if not parts.serves(*call):
        raise ValidationException("PutTargets: DeadLetterConfig (an SQS queue) is not supported by Stepwell")


def _arns(params: Mapping[str, Any]) -> list[str]:
    return [target["Arn"] for target in params["Targets"]]


def _roles(params: Mapping[str, Any], _site: Site) -> tuple[str, ...]:
    return tuple(dict.fromkeys(t["RoleArn"] for t in params["Targets"] if t.get("RoleArn")))
