"""What the services know about who asks and about what is asked for: the authoriser's facts.

Policies lie with whom they belong to (roles and users with IAM, sessions with STS, functions' and buckets'
own with them), and services know nothing of each other; so whoever composes them brings this together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stepwell import arn
from stepwell.calls import Caller
from stepwell.durable import View
from stepwell.identity.evaluate import Policies
from stepwell.identity.policy import Policy
from stepwell.services import iam, lambda_, logs, s3, sagemaker, stepfunctions, sts

Tags = Mapping[str, str]


class Standing:
    """Looks everything up in the state that a decision is made on (`api.authorise.Facts`)."""

    def policies(self, caller: Caller, action: str, resource: str, view: View) -> Policies:
        """The caller's own policies and boundary, its session's, and those on the resource."""
        own: tuple[Policy, ...] = ()
        boundary = None
        if caller.role is not None:
            own, boundary = iam.role_policies(view, caller.role)
        session = sts.session_policies(view, caller, iam.managed_policy)
        if action == "sts:AssumeRole":
            return Policies(
                identity=own,
                boundary=boundary,
                session=session,
                resource=iam.trust_policy(view, resource),
                resource_must_allow=True,
                resource_label="role trust policy",
            )
        return Policies(
            identity=own, boundary=boundary, session=session, resource=resource_policy(view, resource)
        )

    def caller_tags(self, caller: Caller, view: View) -> Tags:
        """A role's tags, and over them those of its session."""
        own = iam.role_tags(view, caller.role) if caller.role is not None else {}
        return {**own, **sts.session_tags(view, caller)}

    def resource_tags(self, resource: str, view: View) -> Tags:
        """The tags of the resource with that ARN; none for what does not exist or has none."""
        named = arn.parse(resource)
        look = _TAGS.get(named.service) if named is not None else None
        return look(view, resource) if look is not None else {}


#: the service, as ARNs name it → who knows a resource's tags
_TAGS: Mapping[str, Callable[[View, str], Tags]] = {
    "iam": iam.role_tags,
    "lambda": lambda_.tags_of,
    "logs": logs.tags_of,
    "sagemaker": sagemaker.tags_of,
    "states": stepfunctions.tags_of,
}


def resource_policy(view: View, resource: str) -> Policy | None:
    """The policy on a function or a bucket; None for all that has none."""
    if resource.startswith("arn:aws:lambda:"):
        return lambda_.policy_of(view, resource)
    if resource.startswith("arn:aws:s3:::"):
        return s3.policy_of(view, resource.removeprefix("arn:aws:s3:::").partition("/")[0])
    return None
