"""What the services know about who asks and about what is asked for: the authoriser's facts.

Policies lie with whom they belong to (roles and users with IAM, sessions with STS, functions' and buckets'
own with them), and services know nothing of each other; so whoever composes them brings this together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from stepwell import arn
from stepwell.calls import Caller
from stepwell.durable import View
from stepwell.identity.evaluate import Policies
from stepwell.identity.policy import Policy
from stepwell.services import events, iam, lambda_, logs, s3, sagemaker, sns, sqs, ssm, stepfunctions, sts

Tags = Mapping[str, str]


class Standing:
    """Looks everything up in the state that a decision is made on (`api.authorise.Facts`)."""

    def policies(self, caller: Caller, action: str, resource: str, view: View) -> Policies:
        """The caller's own policies and boundary, its session's, and those on the resource."""
        own = iam.policies_of(view, caller)
        session = sts.session_of(view, caller)
        if session is not None:
            managed = (iam.managed_policy(view, each) for each in session.policy_arns)
            own = replace(
                own,
                session=session.policies(each for each in managed if each is not None),
                keys={**own.keys, **session.keys},
            )
        elif caller.role is not None:
            # the server itself acts as a role: no key signed, and the caller knows no id
            role_id = iam.identity_id(view, caller.role)
            own = replace(own, keys={**own.keys, "aws:userid": f"{role_id}:{caller.user_id}"})
        if action in ("sts:AssumeRole", "sts:TagSession"):
            trust = iam.trust_policy(view, resource)
            return replace(own, resource=trust, resource_must_allow=True, resource_label="role trust policy")
        return replace(own, resource=resource_policy(view, resource))

    def resource_tags(self, resource: str, view: View) -> Tags:
        """The tags of the resource with that ARN; none for what does not exist or has none."""
        named = arn.parse(resource)
        look = _TAGS.get(named.service) if named is not None else None
        return look(view, resource) if look is not None else {}


#: the service, as ARNs name it → who knows a resource's tags
_TAGS: Mapping[str, Callable[[View, str], Tags]] = {
    "events": events.tags_of,
    "iam": iam.tags_of,
    "lambda": lambda_.tags_of,
    "logs": logs.tags_of,
    "s3": s3.tags_of,
    "sagemaker": sagemaker.tags_of,
    "sns": sns.tags_of,
    "sqs": sqs.tags_of,
    "ssm": ssm.tags_of,
    "states": stepfunctions.tags_of,
}


def resource_policy(view: View, resource: str) -> Policy | None:
    """The policy on a function, bucket, log group, topic, queue or bus; None for all that has none."""
    if resource.startswith("arn:aws:lambda:"):
        return lambda_.policy_of(view, resource)
    if resource.startswith("arn:aws:s3:::"):
        return s3.policy_of(view, resource.removeprefix("arn:aws:s3:::").partition("/")[0])
    if resource.startswith("arn:aws:logs:"):
        return logs.policy_of(view)
    if resource.startswith("arn:aws:sns:"):
        return sns.policy_of(view, resource)
    if resource.startswith("arn:aws:sqs:"):
        return sqs.policy_of(view, resource)
    if resource.startswith("arn:aws:events:") and ":event-bus/" in resource:
        return events.policy_of(view, resource)
    return None
