"""Which rights a call needs, and whether its caller has them.

The decision is computed and logged for every call; `enforce` makes a missing right an error.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stepwell.api.operations import Operation, Right, Site
from stepwell.calls import Call
from stepwell.clock import Clock, iso
from stepwell.durable.ports import View
from stepwell.errors import AccessDenied
from stepwell.identity.evaluate import Decision, Policies, Request, decide

log = logging.getLogger(__name__)

#: finds the policies that speak about a call: the caller's own, and those on the resource
PoliciesOf = Callable[[Call, str, View], Policies]


class Authoriser:
    """Computes IAM's decision for every right that a call needs."""

    def __init__(self, *, policies_of: PoliciesOf, clock: Clock, enforce: bool) -> None:
        self._policies_of = policies_of
        self._clock = clock
        self._enforce = enforce

    def unlimited(self, call: Call) -> bool:
        """Whether no policy limits the caller: the account's root."""
        return call.caller.kind == "root"

    def __call__(self, call: Call, operation: Operation, view: View) -> None:
        """Raise AccessDenied when enforcing and a right is missing; log it otherwise."""
        if self.unlimited(call):
            return
        site = Site(account=view.account, region=view.region)
        for right, resource in rights(operation, call.params, site):
            decision = self._decide(call, right, resource, view)
            if decision.allowed:
                continue
            message = decision.message(call.caller.arn, right.action, resource)
            if self._enforce:
                raise AccessDenied(message)
            log.warning("would be denied: %s", message)

    def _decide(self, call: Call, right: Right, resource: str, view: View) -> Decision:
        request = Request(
            action=right.action,
            resource=resource,
            principal=call.caller,
            context=condition_keys(call, right, view, self._clock.now()),
        )
        return decide(request, self._policies_of(call, resource, view))


def rights(operation: Operation, params: Mapping[str, Any], site: Site) -> Iterator[tuple[Right, str]]:
    """The rights that a call with `params` needs, each with its resource's ARN."""
    for right in operation.rights:
        if right.when(params):
            yield right, resource_arn(right, params, site)


def resource_arn(right: Right, params: Mapping[str, Any], site: Site) -> str:
    """The ARN that the right is about; `*` where the template names an absent parameter."""
    if callable(right.resource):
        return right.resource(params, site)
    values = {name: value for name, value in params.items() if isinstance(value, str)}
    try:
        return right.resource.format(**values, region=site.region, account=site.account)
    except KeyError:
        return "*"


def condition_keys(call: Call, right: Right, view: View, now: float) -> dict[str, str | list[str]]:
    """The condition context of one right: the global keys, then those the row names."""
    origin = call.origin
    keys: dict[str, str | list[str]] = {
        "aws:SourceIp": origin.source_ip,
        "aws:SecureTransport": "true" if origin.secure else "false",
        "aws:CurrentTime": iso(now),
        "aws:EpochTime": str(int(now)),
        "aws:RequestedRegion": view.region,
        "aws:UserAgent": origin.user_agent,
        "aws:ViaAWSService": "true" if call.caller.kind == "service" else "false",
    }
    if origin.source_arn is not None:
        keys["aws:SourceArn"] = origin.source_arn
        keys["aws:SourceAccount"] = view.account
    for key, parameter in right.keys.items():
        value = parameter[1:] if parameter.startswith("=") else call.params.get(parameter)
        if value is not None:
            keys[key] = [str(item) for item in value] if isinstance(value, list | tuple) else str(value)
    keys.update(request_tags(call.params))
    return keys


def request_tags(params: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """`aws:RequestTag/*` and `aws:TagKeys` of a call that carries tags, in either of AWS's spellings."""
    tags = params.get("Tags") or params.get("tags") or ()
    if isinstance(tags, Mapping):
        pairs = {str(key): str(value) for key, value in tags.items()}
    elif isinstance(tags, list | tuple):
        pairs = {
            str(tag.get("Key", tag.get("key"))): str(tag.get("Value", tag.get("value", "")))
            for tag in tags
            if isinstance(tag, Mapping)
        }
    else:
        pairs = {}
    keys: dict[str, str | list[str]] = {f"aws:RequestTag/{key}": value for key, value in pairs.items()}
    if pairs:
        keys["aws:TagKeys"] = list(pairs)
    return keys
