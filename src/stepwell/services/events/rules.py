"""Rules: put, described, listed, switched on and off, deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from stepwell.api.context import Context
from stepwell.api.operations import Operation, Right, Site, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.errors import ValidationException
from stepwell.services.events import clockwork, names, paging
from stepwell.services.events.errors import InvalidEventPatternException, too_many
from stepwell.services.events.records import Rule, find_bus, find_rule, save, touch
from stepwell.services.events.roles import require_trusted
from stepwell.services.events.routing import compiled
from stepwell.triggers.patterns import InvalidPattern
from stepwell.triggers.schedules import ScheduleError, parse_events

#: rules of one bus (EventBridge quotas)
LIMIT = 300
_MEMBERS = {
    "EventPattern": "pattern",
    "ScheduleExpression": "schedule",
    "Description": "description",
    "RoleArn": "role",
}


async def check(call: Call, _context: Context) -> None:
    """Refuse a rule whose pattern or schedule makes no sense, before anything is decided."""
    params = call.params
    pattern, schedule = params.get("EventPattern"), params.get("ScheduleExpression")
    if not pattern and not schedule:
        raise ValidationException("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if schedule:
        if names.bus_name(params) != names.DEFAULT:
            raise ValidationException("ScheduleExpression is supported only on the default event bus.")
        try:
            parse_events(schedule)
        except ScheduleError as error:
            raise ValidationException(
                f"Parameter ScheduleExpression is not valid. Reason: {error}"
            ) from error
    if pattern:
        try:
            compiled(pattern)
        except InvalidPattern as error:
            raise InvalidEventPatternException(str(error)) from error


def put(call: Call, draft: Draft, _checked: None) -> dict[str, Any]:
    """PutRule: what is left out of an existing rule goes, but its targets and tags stay."""
    params = call.params
    bus = names.bus_name(params)
    find_bus(draft, bus)
    name = params["Name"]
    arn = names.rule_arn(draft.region, draft.account, bus, name)
    if params.get("RoleArn"):
        require_trusted(draft, params["RoleArn"], arn)
    found = draft.get(Rule, f"{bus}/{name}")
    if found is None and sum(1 for _ in draft.scan(Rule, prefix=f"{bus}/")) >= LIMIT:
        raise too_many()
    tags = {tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()}
    rule = Rule(
        name=name,
        bus=bus,
        arn=arn,
        state=params.get("State", "ENABLED"),
        tags=tags if found is None else found.tags,
        targets=[] if found is None else found.targets,
        pattern=params.get("EventPattern") or None,
        schedule=params.get("ScheduleExpression") or None,
        description=params.get("Description") or None,
        role=params.get("RoleArn") or None,
    )
    same = found is not None and found.enabled and found.schedule == rule.schedule
    rule = replace(rule, since=found.since if found is not None and same else draft.now)
    save(draft, rule)
    clockwork.wind(draft, rule)
    return {"RuleArn": arn}


def delete(call: Call, draft: Draft) -> None:
    """DeleteRule; a rule that is not there is no error, one with targets is."""
    bus, name = names.bus_name(call.params), call.params["Name"]
    find_bus(draft, bus)
    rule = draft.get(Rule, f"{bus}/{name}")
    if rule is None:
        return
    if rule.targets:
        raise ValidationException("Rule can't be deleted since it has targets.")
    draft.delete(Rule, rule.key)
    touch(draft, bus)
    clockwork.stop(draft, rule)


def switch(state: str) -> Any:
    """The handler of EnableRule, or of DisableRule."""

    def handler(call: Call, draft: Draft) -> None:
        rule = find_rule(draft, names.bus_name(call.params), call.params["Name"])
        if rule.enabled == (state != "DISABLED"):
            return
        switched = replace(rule, state=state, since=draft.now)
        save(draft, switched)
        clockwork.wind(draft, switched)

    return handler


def describe(call: Call, view: View) -> dict[str, Any]:
    """DescribeRule."""
    rule = find_rule(view, names.bus_name(call.params), call.params["Name"])
    return {**_shown(rule), "CreatedBy": view.account}


def list_all(call: Call, view: View) -> dict[str, Any]:
    """ListRules of one bus, by name."""
    params = call.params
    bus = names.bus_name(params)
    find_bus(view, bus)
    found = view.scan(Rule, prefix=f"{bus}/{params.get('NamePrefix', '')}", after=paging.start(params))
    return paging.page(params, "Rules", found, lambda rule: rule.key, _shown)


def _shown(rule: Rule) -> dict[str, Any]:
    shown = {"Name": rule.name, "Arn": rule.arn, "State": rule.state, "EventBusName": rule.bus}
    return shown | {
        parameter: value
        for parameter, member in _MEMBERS.items()
        if (value := getattr(rule, member)) is not None
    }


def _arn_of_new(params: Mapping[str, Any], site: Site) -> str:
    return names.rule_arn(site.region, site.account, names.bus_name(params), params["Name"])


OPERATIONS = (
    Operation(
        name="PutRule",
        rights=(
            names.rule_right("PutRule"),
            Right(
                action="events:TagResource",
                resource=_arn_of_new,
                when=lambda params: bool(params.get("Tags")),
            ),
            Right(
                action="iam:PassRole",
                resource="{RoleArn}",
                keys={"iam:PassedToService": f"={names.SERVICE}"},
                when=lambda params: bool(params.get("RoleArn")),
            ),
        ),
        honoured=words("Name ScheduleExpression EventPattern State Description RoleArn Tags EventBusName"),
        prepare=check,
        decide=put,
    ),
    Operation(
        name="DeleteRule",
        rights=(names.rule_right("DeleteRule"),),
        honoured=words("Name EventBusName"),
        # no rule is managed by another service here, so nothing needs forcing
        recorded=("Force",),
        decide=delete,
    ),
    Operation(
        name="EnableRule",
        rights=(names.rule_right("EnableRule"),),
        honoured=words("Name EventBusName"),
        decide=switch("ENABLED"),
    ),
    Operation(
        name="DisableRule",
        rights=(names.rule_right("DisableRule"),),
        honoured=words("Name EventBusName"),
        decide=switch("DISABLED"),
    ),
    Operation(
        name="DescribeRule",
        rights=(names.rule_right("DescribeRule"),),
        honoured=words("Name EventBusName"),
        read=describe,
    ),
    Operation(
        name="ListRules",
        rights=(Right(action="events:ListRules"),),
        honoured=words("NamePrefix EventBusName NextToken Limit"),
        read=list_all,
    ),
)
