"""From an event to deliveries: which rules of its bus want it, and what each of their targets gets.

A bus's patterns are compiled once and indexed; they are compiled again after its rules changed, which the
bus's revision tells. A target that is another bus is not called: the event goes on there in the same
decision, as it is, if the target's role may put it there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from stepwell.api.callers import role_session
from stepwell.clock import iso
from stepwell.durable import Draft
from stepwell.services.events import names
from stepwell.services.events.parts import Parts
from stepwell.services.events.records import Bus, Rule
from stepwell.triggers import deliveries
from stepwell.triggers.patterns import Pattern, RuleSet, compile_pattern
from stepwell.triggers.transformers import InvalidInput, Source, Transformer

#: how often one event may go on from bus to bus: buses that name each other would never come to rest
HOPS = 5
#: how often one event goes on to another bus, all ways together, and how many targets it may have reached
#: when rules of further buses get it no more: rules may multiply it on each bus
ONWARD = 100
REACH = 1_000
#: retries and seconds of a target without a policy (EventBridge user guide, "Retry policy")
RETRIES = 185
AGE = 86_400


@lru_cache(maxsize=4096)
def compiled(text: str) -> Pattern:
    """The pattern of that text, compiled once. Raises InvalidPattern."""
    return compile_pattern(text)


def transformer_of(target: Mapping[str, Any]) -> Transformer:
    """What a target, as PutTargets takes it, makes of an event."""
    asked = target.get("InputTransformer") or {}
    return Transformer(
        constant=target.get("Input"),
        path=target.get("InputPath"),
        template=asked.get("InputTemplate"),
        paths=asked.get("InputPathsMap") or {},
    )


class Router:
    """Sends events to the targets of the rules that want them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        #: the bus's name → the revision of its rules, their keys by pattern
        self._rules: dict[str, tuple[str, RuleSet[str]]] = {}

    def on_event(self, event: dict[str, Any], draft: Draft) -> None:
        """An event of one of this server's services: they all send to the default bus."""
        self.publish(event, names.DEFAULT, draft)

    def publish(self, event: dict[str, Any], bus: str, draft: Draft) -> None:
        """Begin the deliveries that the rules of a bus ask for, in the order of the rules' names."""
        self._spread(self._wanting(event, bus, draft), event, draft)

    def fire(self, rule: Rule, event: dict[str, Any], draft: Draft) -> None:
        """Begin the deliveries of a rule to its targets."""
        self._spread([rule], event, draft)

    def _wanting(self, event: dict[str, Any], bus: str, draft: Draft) -> list[Rule]:
        """The rules of a bus that the event fits."""
        found = draft.get(Bus, bus)
        if found is None or not found.revision:
            return []
        rules = (draft.get(Rule, key) for key in self._rule_set(found, draft).matching(event))
        return [rule for rule in rules if rule is not None]

    def _spread(self, rules: list[Rule], event: dict[str, Any], draft: Draft) -> None:
        """Begin the deliveries of these rules, and of those on the buses to which they send the event on.

        One decision makes them all, so what it may cost is bounded: see HOPS, ONWARD and REACH. The rules of
        the first bus get the event whatever comes of it on others.
        """
        waiting = deque((rule, 1) for rule in rules)
        onward = reached = 0
        lost: tuple[Rule, Mapping[str, Any]] | None = None
        while waiting:
            rule, hops = waiting.popleft()
            if hops > 1 and reached >= REACH:
                lost = lost or (rule, rule.targets[0])
                break
            for target in rule.targets:
                reached += 1
                if ":event-bus/" not in target["Arn"]:
                    self._deliver(rule, target, event, draft)
                elif onward < ONWARD:
                    onward += 1
                    following = self._forward(rule, target, event, draft, hops)
                    waiting.extend((each, hops + 1) for each in following if each.targets)
                else:
                    lost = lost or (rule, target)
        if lost is not None:
            reason = f"the event went on {onward} times, to {reached} targets: it goes on no further"
            deliveries.give_up(draft, _lost(*lost, event, draft), "TooManyHops", reason)

    def _rule_set(self, bus: Bus, draft: Draft) -> RuleSet[str]:
        revision, rules = self._rules.get(bus.name, ("", None))
        if rules is None or revision != bus.revision:
            rules = RuleSet(
                (rule.key, compiled(rule.pattern))
                for rule in draft.scan(Rule, prefix=f"{bus.name}/")
                if rule.enabled and rule.pattern is not None
            )
            self._rules[bus.name] = bus.revision, rules
        return rules

    def _deliver(self, rule: Rule, target: Mapping[str, Any], event: dict[str, Any], draft: Draft) -> None:
        source = Source(
            event=event, rule_arn=rule.arn, rule_name=rule.name, ingested=iso(draft.now)[:19] + "Z"
        )
        body = {**delivery(rule, target, event), "id": draft.uuid()}
        try:
            payload = transformer_of(target).apply(source)
        except InvalidInput as error:
            lost = {**body, "payload": event, "began": draft.now, "attempt": 0}
            deliveries.give_up(draft, lost, "InvalidInput", str(error))
            return
        deliveries.begin(draft, {**body, "payload": payload})

    def _forward(
        self, rule: Rule, target: Mapping[str, Any], event: dict[str, Any], draft: Draft, hops: int
    ) -> list[Rule]:
        """The rules of the target's bus that want the event, if it may go there."""
        bus = names.bus_name({"EventBusName": target["Arn"]})
        lost = _lost(rule, target, event, draft)
        caller = role_session(target["RoleArn"], lost["id"])
        if hops > HOPS:
            reason = f"the event went on from bus to bus more than {HOPS} times"
            deliveries.give_up(draft, lost, "TooManyHops", reason)
        elif bus != names.DEFAULT and draft.get(Bus, bus) is None:
            deliveries.give_up(draft, lost, "ResourceNotFoundException", f"Event bus {bus} does not exist.")
        elif not self._parts.permits(caller, "events:PutEvents", target["Arn"], draft):
            reason = (
                f"{caller.arn} is not authorized to perform: events:PutEvents on resource: {target['Arn']}"
            )
            deliveries.give_up(draft, lost, "AccessDeniedException", f"User: {reason}")
        else:
            return self._wanting(event, bus, draft)
        return []


def _lost(rule: Rule, target: Mapping[str, Any], event: dict[str, Any], draft: Draft) -> dict[str, Any]:
    """The delivery of an event to a bus that did not get it."""
    return {
        **delivery(rule, target, event),
        "id": draft.uuid(),
        "payload": event,
        "began": draft.now,
        "attempt": 1,
    }


def delivery(rule: Rule, target: Mapping[str, Any], event: Mapping[str, Any]) -> dict[str, Any]:
    """A delivery's body, but for its id and payload."""
    policy = target.get("RetryPolicy") or {}
    body = {
        "target": target["Arn"],
        "source_arn": rule.arn,
        "principal": names.SERVICE,
        "role": target.get("RoleArn"),
        "attempts": policy.get("MaximumRetryAttempts", RETRIES) + 1,
        "age": policy.get("MaximumEventAgeInSeconds", AGE),
        "lane": f"{rule.arn}#{target['Id']}",
    }
    if "RunCommandParameters" in target:
        body["run_command"] = target["RunCommandParameters"]["RunCommandTargets"]
    if "SqsParameters" in target:
        body["message_group"] = target["SqsParameters"].get("MessageGroupId")
    if "DeadLetterConfig" in target:
        body["dead_letter"] = {"queue": target["DeadLetterConfig"]["Arn"], "event": event}
    return body
