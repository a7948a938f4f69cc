"""Whoever lacks a right is refused in the service's own spelling, before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from harness import Harness

from stepwell.api.authorise import Authoriser
from stepwell.api.callers import role_session, root, service_principal
from stepwell.api.operations import Disclosure, Operation, Right
from stepwell.calls import Call, Caller, Origin
from stepwell.clock import ManualClock
from stepwell.durable import View
from stepwell.errors import AccessDenied, AwsError
from stepwell.identity.evaluate import Policies
from stepwell.identity.policy import Policy, parse

ROLE = "arn:aws:iam::000000000000:role/r"
ANN = role_session(ROLE, "ann")
WHO = "User: arn:aws:sts::000000000000:assumed-role/r/ann is not authorized to perform:"


class Facts:
    """One policy of everybody's own, one on every resource, and every resource's tags."""

    def __init__(self, own: Policy | None = None, resource: Policy | None = None, **tags: str) -> None:
        self.own, self.resource, self.tags = own, resource, tags
        self.asked = 0

    def policies(self, caller: Caller, action: str, resource: str, view: View) -> Policies:
        return Policies(identity=(self.own,) if self.own else (), resource=self.resource)

    def resource_tags(self, resource: str, view: View) -> Mapping[str, str]:
        self.asked += 1
        return self.tags


def policy(*statements: Mapping[str, Any], kind: Any = "inline") -> Policy:
    return parse({"Version": "2012-10-17", "Statement": [dict(each) for each in statements]}, kind=kind)


def allow(action: str, resource: str = "*", **condition: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return {**statement, **({"Condition": condition} if condition else {})}


def row(*rights: Right, **more: Any) -> Operation:
    return Operation(name="Do", rights=rights, read=lambda call, view: {}, **more)


@pytest.fixture
def view(tmp_path: Path) -> Any:
    with Harness(tmp_path).serve([]) as server:
        yield server.store.writer()


def authoriser(facts: Facts, *, enforce: bool = True) -> Authoriser:
    return Authoriser(facts=facts, clock=ManualClock(), enforce=enforce)


def call(service: str = "lambda", caller: Caller = ANN, operation: str = "Do", **params: Any) -> Call:
    return Call(service=service, operation=operation, params=params, caller=caller)


@pytest.mark.parametrize(
    ("service", "action", "code", "status", "resource"),
    [
        ("stepfunctions", "states:Do", "AccessDeniedException", 400, "*"),
        ("sagemaker", "sagemaker:Do", "AccessDeniedException", 400, "*"),
        ("lambda", "lambda:Do", "AccessDeniedException", 403, "*"),
        ("sagemaker-runtime", "sagemaker:Do", "AccessDeniedException", 403, "*"),
        ("iam", "iam:Do", "AccessDenied", 403, "*"),
        ("s3", "s3:Do", "AccessDenied", 403, '"*"'),
    ],
)
def test_a_refusal_is_spelled_as_the_service_does(
    view: View, service: str, action: str, code: str, status: int, resource: str
) -> None:
    with pytest.raises(AccessDenied) as refused:
        authoriser(Facts())(call(service), row(Right(action=action)), view)
    assert (refused.value.error_code, refused.value.http_status) == (code, status)
    reason = f"because no identity-based policy allows the {action} action"
    assert refused.value.message == f"{WHO} {action} on resource: {resource} {reason}"


def test_every_right_is_needed_and_each_of_its_resources(view: View) -> None:
    both = row(Right(action="lambda:A"), Right(action="lambda:B", resource=lambda params, site: ("x", "y")))
    authoriser(Facts(policy(allow("lambda:*"))))(call(), both, view)
    with pytest.raises(AccessDenied, match="lambda:B on resource: y "):
        authoriser(Facts(policy(allow("lambda:A"), allow("lambda:B", "arn:aws:lambda:*:*:x"))))(
            call(),
            row(
                Right(action="lambda:A"),
                Right(
                    action="lambda:B", resource=lambda params, site: ("arn:aws:lambda:r:000000000000:x", "y")
                ),
            ),
            view,
        )


def test_a_right_that_the_call_does_not_need_is_not_asked_for(view: View) -> None:
    tagging = row(Right(action="lambda:Tag", when=lambda params: bool(params.get("Tags"))))
    authoriser(Facts())(call(), tagging, view)
    with pytest.raises(AccessDenied):
        authoriser(Facts())(call(Tags={"a": "b"}), tagging, view)


def test_report_mode_lets_through_and_says_what_is_missing(
    view: View, caplog: pytest.LogCaptureFixture
) -> None:
    reporting = authoriser(Facts(), enforce=False)
    reporting(call(), row(Right(action="lambda:Do")), view)
    assert f"would be denied: {WHO} lambda:Do on resource: *" in caplog.text
    assert '(role r lacks lambda:Do on *: add {"Effect": "Allow"' in caplog.text
    assert reporting.permits(ANN, "logs:PutLogEvents", "*", view)
    assert reporting.denied(call(), "s3:DeleteObject", ["a"], view) == {}


def test_conditions_see_the_request_the_row_and_the_resources_tags(view: View) -> None:
    right = Right(
        action="lambda:Do",
        keys={"lambda:A": "A", "lambda:B": "=constant", "lambda:C": lambda params: [1, True]},
    )
    wanted = policy(
        allow(
            "lambda:Do",
            StringEquals={
                "lambda:A": "given",
                "lambda:B": "constant",
                "aws:RequestTag/team": "red",
                "aws:ResourceTag/team": "blue",
                "lambda:ResourceTag/team": "blue",
                "aws:SourceAccount": "000000000000",
            },
            **{"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}},
            Bool={"aws:SecureTransport": "true"},
        )
    )
    asking = Call(
        service="lambda",
        operation="Do",
        params={"A": "given", "Tags": {"team": "red"}},
        caller=ANN,
        origin=Origin(source_arn="arn:aws:s3:::b"),
    )
    authoriser(Facts(wanted, team="blue"))(asking, row(right), view)
    with pytest.raises(AccessDenied):
        authoriser(Facts(wanted, team="red"))(asking, row(right), view)


def test_a_resources_tags_are_read_only_where_a_policy_asks_for_them(view: View) -> None:
    facts = Facts(policy(allow("lambda:Do")))
    authoriser(facts)(call(), row(Right(action="lambda:Do")), view)
    assert facts.asked == 0
    facts.own = policy(allow("lambda:Do", "*", Null={"aws:ResourceTag/a": "true"}))
    authoriser(facts)(call(), row(Right(action="lambda:Do")), view)
    assert facts.asked == 1


def test_an_absence_is_disclosed_to_who_has_the_right(view: View) -> None:
    disclosure = Disclosure(codes=frozenset({"NoSuchKey"}), right=Right(action="s3:ListBucket"))
    reading = row(Right(action="s3:GetObject"), disclosure=disclosure)
    absent, other = AwsError("no", code="NoSuchKey"), AwsError("no", code="NoSuchBucket")
    reader = authoriser(Facts(policy(allow("s3:GetObject"))))
    with pytest.raises(AccessDenied, match="s3:ListBucket"):
        reader.disclose(call("s3"), reading, absent, view)
    reader.disclose(call("s3"), reading, other, view)
    authoriser(Facts(policy(allow("s3:*")))).disclose(call("s3"), reading, absent, view)


def test_items_are_refused_one_by_one(view: View) -> None:
    own = policy(allow("s3:DeleteObject", "arn:aws:s3:::b/mine/*"))
    wanted = ["arn:aws:s3:::b/mine/a", "arn:aws:s3:::b/theirs/b"]
    found = authoriser(Facts(own)).denied(call("s3"), "s3:DeleteObject", wanted, view)
    assert list(found) == wanted[1:]
    itemwise = row(Right(action="s3:DeleteObject", itemwise=True))
    authoriser(Facts())(call("s3"), itemwise, view)


def test_a_bucket_policys_deny_binds_root_but_cannot_lock_it_out(view: View) -> None:
    shut = {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Principal": "*"}
    closed = authoriser(Facts(resource=policy(shut, kind="resource")))
    owner = root("000000000000")
    with pytest.raises(AccessDenied, match="explicit deny in a resource-based policy"):
        closed(call("s3", owner, "GetObject"), row(Right(action="s3:GetObject")), view)
    closed(call("s3", owner, "DeleteBucketPolicy"), row(Right(action="s3:DeleteBucketPolicy")), view)
    authoriser(Facts())(call("s3", owner, "GetObject"), row(Right(action="s3:GetObject")), view)


def test_a_service_may_only_what_the_resources_policy_lets_it(view: View) -> None:
    invoking = row(Right(action="lambda:InvokeFunction"))
    bucket = service_principal("s3.amazonaws.com", "000000000000")
    with pytest.raises(AccessDenied, match="no resource-based policy allows"):
        authoriser(Facts(policy(allow("*"))))(call(caller=bucket), invoking, view)
    given = {**allow("lambda:InvokeFunction"), "Principal": {"Service": "s3.amazonaws.com"}}
    authoriser(Facts(resource=policy(given, kind="resource")))(call(caller=bucket), invoking, view)
