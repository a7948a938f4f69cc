"""Which rights a call needs, and whether its caller has them.

Every call by anybody but the account's root is decided before its handler runs. A server in report mode
decides and logs all the same, and lets the call through.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from stepwell.api.models import service_model
from stepwell.api.operations import Operation, Right, Site
from stepwell.calls import Call, Caller, Origin
from stepwell.clock import Clock, iso
from stepwell.durable.ports import View
from stepwell.errors import AccessDenied, AwsError
from stepwell.identity import denials
from stepwell.identity.evaluate import Decision, Policies, Request, decide

log = logging.getLogger(__name__)

#: what an SDK's protocol calls a denial, and its HTTP status (aws-json services answer 400)
_SPELLINGS = {
    "rest-json": ("AccessDeniedException", 403),
    "query": ("AccessDenied", 403),
    "rest-xml": ("AccessDenied", 403),
}
#: services that have a word of their own
_OWN_WORDS = {"sns": ("AuthorizationError", 403)}

#: what no bucket policy denies to root
_ROOTS_OWN = frozenset({"GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"})

Keys = dict[str, str | list[str]]


class Facts(Protocol):
    """What the services know about who asks, and about what is asked for."""

    def policies(self, caller: Caller, action: str, resource: str, view: View) -> Policies:
        """The caller's own policies and tags, and the policy on the resource, compiled."""
        ...

    def resource_tags(self, resource: str, view: View) -> Mapping[str, str]:
        """The tags of the resource; none where it does not exist."""
        ...


class Authoriser:
    """Computes IAM's decision for every right that a call needs."""

    def __init__(self, *, facts: Facts, clock: Clock, enforce: bool) -> None:
        self._facts = facts
        self._clock = clock
        self._enforce = enforce

    def unlimited(self, call: Call) -> bool:
        """Whether no policy limits the caller: the account's root, but for what buckets' policies deny.

        Root may always see and change a bucket's policy, so that it cannot lock itself out.
        """
        if call.caller.kind != "root":
            return False
        return call.service != "s3" or call.operation in _ROOTS_OWN

    def __call__(self, call: Call, operation: Operation, view: View) -> None:
        """Raise AccessDenied when a right is missing; only log it in report mode."""
        self._require(call, operation.rights, view)

    def disclose(self, call: Call, operation: Operation, error: AwsError, view: View) -> None:
        """Raise AccessDenied when the caller may not learn what `error` tells: that a key does not exist."""
        disclosure = operation.disclosure
        if disclosure is not None and error.error_code in disclosure.codes:
            self._require(call, (disclosure.right,), view)

    def permits(
        self, caller: Caller, action: str, resource: str, view: View, keys: Mapping[str, str] | None = None
    ) -> bool:
        """Whether `caller` may do what a service does for it beside a call; true in report mode."""
        if caller.kind == "root":
            return True
        found: Keys = {**global_keys(Origin(), view, self._clock.now()), **(keys or {})}
        decision = self._decide(caller, action, resource, found, view)
        if decision.allowed:
            return True
        self._tell(decision.message(caller.arn, action, resource))
        return not self._enforce

    def denied(
        self, call: Call, action: str, resources: Iterable[str], view: View
    ) -> dict[str, AccessDenied]:
        """Those of `resources` that the caller may not do `action` with, each with its refusal."""
        right = Right(action=action)
        if self.unlimited(call):
            return {}
        found = {each: self._refusal(call, right, each, view) for each in resources}
        return {each: refusal for each, refusal in found.items() if refusal is not None}

    def _require(self, call: Call, wanted: Iterable[Right], view: View) -> None:
        if self.unlimited(call):
            return
        site = Site(account=view.account, region=view.region, view=view, caller=call.caller.arn)
        binding = (right for right in wanted if not right.itemwise)
        for right, resource in rights(binding, call.params, site):
            refusal = self._refusal(call, right, resource, view)
            if refusal is not None:
                raise refusal

    def _refusal(self, call: Call, right: Right, resource: str, view: View) -> AccessDenied | None:
        """What to raise; None where the caller has the right, or where the lack of it is only reported."""
        keys = condition_keys(call, right, view, self._clock.now())
        decision = self._decide(call.caller, right.action, resource, keys, view)
        if decision.allowed:
            return None
        message = text_of(decision, call.caller, right.action, resource)
        self._tell(message)
        return refusal_of(call.service, message) if self._enforce else None

    def _decide(self, caller: Caller, action: str, resource: str, keys: Keys, view: View) -> Decision:
        policies = self._facts.policies(caller, action, resource, view)
        if policies.asks("resourcetag/") or policies.asks("existingobjecttag/"):
            service = action.partition(":")[0]
            own = ("s3:ExistingObjectTag",)
            spelled = own if service == "s3" else ("aws:ResourceTag", f"{service}:ResourceTag")
            for name, value in self._facts.resource_tags(resource, view).items():
                keys.update({f"{key}/{name}": value for key in spelled})
        return decide(Request(action=action, resource=resource, principal=caller, context=keys), policies)

    def _tell(self, message: str) -> None:
        """One line for the log: who lacks what, and the statement that would give it."""
        log.warning(
            "%s: %s (%s)", "denied" if self._enforce else "would be denied", message, denials.advice(message)
        )


def text_of(decision: Decision, caller: Caller, action: str, resource: str) -> str:
    """AWS's words for a denial: S3 quotes the resource, STS gives no reason where nothing allows."""
    if action == "sts:AssumeRole" and decision.reason == "implicitDeny":
        return f"User: {caller.arn} is not authorized to perform: {action} on resource: {resource}"
    return decision.message(caller.arn, action, f'"{resource}"' if action.startswith("s3:") else resource)


def refusal_of(service: str, message: str) -> AccessDenied:
    """A denial as the service (botocore's name) spells it."""
    code, status = _OWN_WORDS.get(service) or _SPELLINGS.get(
        service_model(service).resolved_protocol, (AccessDenied.code, AccessDenied.status)
    )
    return AccessDenied(message, code=code, status=status)


def rights(wanted: Iterable[Right], params: Mapping[str, Any], site: Site) -> Iterator[tuple[Right, str]]:
    """The rights among `wanted` that a call with `params` needs, once for each resource."""
    for right in wanted:
        if right.when(params):
            for resource in resource_arns(right, params, site):
                yield right, resource


def resource_arns(right: Right, params: Mapping[str, Any], site: Site) -> tuple[str, ...]:
    """The ARNs that the right is about; `*` where the template names an absent parameter."""
    if callable(right.resource):
        found = right.resource(params, site)
        return (found,) if isinstance(found, str) else found
    values = {name: value for name, value in params.items() if isinstance(value, str)}
    try:
        return (right.resource.format(**values, region=site.region, account=site.account),)
    except KeyError:
        return ("*",)


def global_keys(origin: Origin, view: View, now: float) -> Keys:
    """The condition keys that every request has (IAM User Guide, "AWS global condition context keys")."""
    keys: Keys = {
        "aws:SourceIp": origin.source_ip,
        # requests reach the server on loopback, or through a proxy with TLS: no network reads along
        "aws:SecureTransport": "true",
        "aws:CurrentTime": iso(now),
        "aws:EpochTime": str(int(now)),
        "aws:RequestedRegion": view.region,
        "aws:UserAgent": origin.user_agent,
        "aws:ViaAWSService": "false",
    }
    if origin.source_arn is not None:
        keys["aws:SourceArn"] = origin.source_arn
        keys["aws:SourceAccount"] = view.account
    return keys


def condition_keys(call: Call, right: Right, view: View, now: float) -> Keys:
    """The condition context of one right: the global keys, then those the row names."""
    keys = global_keys(call.origin, view, now)
    for key, parameter in right.keys.items():
        value = _value(parameter, call.params)
        if isinstance(value, Mapping):
            keys.update({f"{key}/{name}": str(each) for name, each in value.items()})
        elif value is not None:
            keys[key] = [str(item) for item in value] if isinstance(value, list | tuple) else _text(value)
    keys.update(request_tags(call.params))
    return keys


def _value(parameter: str | Callable[[Mapping[str, Any]], Any], params: Mapping[str, Any]) -> Any:
    if callable(parameter):
        return parameter(params)
    return parameter[1:] if parameter.startswith("=") else params.get(parameter)


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def request_tags(params: Mapping[str, Any]) -> Keys:
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
    keys: Keys = {f"aws:RequestTag/{key}": value for key, value in pairs.items()}
    removed = params.get("TagKeys") or params.get("tagKeys") or ()
    if pairs or removed:
        keys["aws:TagKeys"] = [*pairs, *(str(key) for key in removed)]
    return keys
