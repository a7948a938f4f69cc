"""A decision follows AWS's order, says what made it, and refuses in AWS's words."""

from typing import Any, Literal

import pytest

from stepwell.calls import Caller
from stepwell.identity import policy
from stepwell.identity.evaluate import Decision, Policies, Request, decide

A, B = "111122223333", "444455556666"
ROOT = Caller(arn=f"arn:aws:iam::{A}:root", account=A, kind="root", user_id=A)
USER = Caller(arn=f"arn:aws:iam::{A}:user/ann", account=A, kind="user", user_id="AIDAANN")
ROLE = Caller(
    arn=f"arn:aws:sts::{A}:assumed-role/train/s1",
    account=A,
    kind="role",
    role=f"arn:aws:iam::{A}:role/team/train",
    user_id="AROATRAINTRAIN01:s1",
)
S3 = Caller(arn="s3.amazonaws.com", account=A, kind="service")
OBJECT = "arn:aws:s3:::data/x.csv"


def parsed(
    *effects: Literal["Allow", "Deny"], principal: Any = None, action: str = "s3:*", **more: Any
) -> policy.Policy:
    who = {} if principal is None else {"Principal": principal}
    statements = [{"Effect": e, "Action": action, "Resource": "*", **who, **more} for e in effects]
    return policy.parse(
        {"Version": "2012-10-17", "Statement": statements}, kind="inline" if principal is None else "resource"
    )


def ask(caller: Caller, policies: Policies, **more: Any) -> Decision:
    request = {"action": "s3:GetObject", "resource": OBJECT, "principal": caller} | more
    return decide(Request(**request), policies)


ALLOW, DENY, OTHER = parsed("Allow"), parsed("Deny"), parsed("Allow", action="sqs:*")
NAMED_USER = parsed("Allow", principal={"AWS": USER.arn})
NAMED_SESSION = parsed("Allow", principal={"AWS": ROLE.arn})
NAMED_ROLE = parsed("Allow", principal={"AWS": ROLE.role})
NAMED_ID = parsed("Allow", principal={"AWS": "AROATRAINTRAIN01"})
NAMED_ACCOUNT = parsed("Allow", principal={"AWS": A})
NAMED_ROOT_ARN = parsed("Allow", principal={"AWS": f"arn:aws:iam::{A}:root"})
EVERYONE = parsed("Allow", principal="*")
NAMED_S3 = parsed("Allow", principal={"Service": "s3.amazonaws.com"})
DENY_ALL = parsed("Deny", principal="*")
IDENTITY, BOUNDARY, SESSION, RESOURCE = (
    "identity-based policy",
    "permissions boundary",
    "session policy",
    "resource-based policy",
)

CASES = [
    ("nothing allows", USER, {}, "implicitDeny", IDENTITY),
    ("an identity policy allows", USER, {"identity": (OTHER, ALLOW)}, "allowed", ""),
    ("a deny wins over an allow", USER, {"identity": (ALLOW, DENY)}, "explicitDeny", IDENTITY),
    ("a boundary denies", USER, {"identity": (ALLOW,), "boundary": DENY}, "explicitDeny", BOUNDARY),
    ("a session policy denies", ROLE, {"identity": (ALLOW,), "session": (DENY,)}, "explicitDeny", SESSION),
    ("a resource denies", USER, {"identity": (ALLOW,), "resource": DENY_ALL}, "explicitDeny", RESOURCE),
    ("a boundary is silent", USER, {"identity": (ALLOW,), "boundary": OTHER}, "implicitDeny", BOUNDARY),
    ("a boundary alone grants nothing", USER, {"boundary": ALLOW}, "implicitDeny", IDENTITY),
    (
        "a session policy is silent",
        ROLE,
        {"identity": (ALLOW,), "session": (OTHER,)},
        "implicitDeny",
        SESSION,
    ),
    ("a session policy alone grants nothing", ROLE, {"session": (ALLOW,)}, "implicitDeny", IDENTITY),
    (
        "one of two session policies allows",
        ROLE,
        {"identity": (ALLOW,), "session": (OTHER, ALLOW)},
        "allowed",
        "",
    ),
    ("all three allow", ROLE, {"identity": (ALLOW,), "boundary": ALLOW, "session": (ALLOW,)}, "allowed", ""),
    ("a user named by the resource", USER, {"resource": NAMED_USER, "boundary": OTHER}, "allowed", ""),
    ("another user named by the resource", ROLE, {"resource": NAMED_USER}, "implicitDeny", IDENTITY),
    (
        "a session named",
        ROLE,
        {"resource": NAMED_SESSION, "boundary": OTHER, "session": (OTHER,)},
        "allowed",
        "",
    ),
    ("a role named", ROLE, {"resource": NAMED_ROLE}, "allowed", ""),
    ("a role named by its id", ROLE, {"resource": NAMED_ID}, "allowed", ""),
    (
        "a role named, boundary silent",
        ROLE,
        {"resource": NAMED_ROLE, "boundary": OTHER},
        "implicitDeny",
        BOUNDARY,
    ),
    (
        "a role named, session silent",
        ROLE,
        {"resource": NAMED_ROLE, "session": (OTHER,)},
        "implicitDeny",
        SESSION,
    ),
    ("an account named only delegates", USER, {"resource": NAMED_ACCOUNT}, "implicitDeny", IDENTITY),
    ("so does its root's ARN", USER, {"resource": NAMED_ROOT_ARN}, "implicitDeny", IDENTITY),
    ("everyone named", USER, {"resource": EVERYONE}, "allowed", ""),
    ("root needs no policy", ROOT, {}, "allowed", ""),
    ("root knows no identity denies", ROOT, {"identity": (DENY,), "boundary": DENY}, "allowed", ""),
    ("a resource may deny root", ROOT, {"resource": DENY_ALL}, "explicitDeny", RESOURCE),
    ("a service needs the resource's consent", S3, {"identity": (ALLOW,)}, "implicitDeny", RESOURCE),
    ("a service named", S3, {"resource": NAMED_S3}, "allowed", ""),
    ("a service is no account member", S3, {"resource": NAMED_ACCOUNT}, "implicitDeny", RESOURCE),
    (
        "a trusted account is no consent where the resource must allow",
        USER,
        {"identity": (ALLOW,), "resource": NAMED_ROLE, "resource_must_allow": True},
        "implicitDeny",
        RESOURCE,
    ),
]


@pytest.mark.parametrize(("claim", "caller", "policies", "reason", "kind"), CASES, ids=[c[0] for c in CASES])
def test_order_within_one_account(claim: str, caller: Caller, policies: Any, reason: str, kind: str) -> None:
    decision = ask(caller, Policies(**policies))
    assert (decision.reason, decision.policy_type) == (reason, kind), claim
    assert decision.allowed is (reason == "allowed")


@pytest.mark.parametrize(
    ("policies", "reason", "kind"),
    [
        ({"identity": (ALLOW,)}, "implicitDeny", RESOURCE),
        ({"resource": NAMED_USER}, "implicitDeny", IDENTITY),
        ({"identity": (ALLOW,), "resource": NAMED_USER}, "allowed", ""),
        ({"identity": (ALLOW,), "resource": NAMED_ACCOUNT}, "allowed", ""),
        ({"identity": (ALLOW,), "resource": NAMED_USER, "boundary": OTHER}, "implicitDeny", BOUNDARY),
    ],
)
def test_across_accounts_both_sides_must_allow(policies: Any, reason: str, kind: str) -> None:
    for where in ({"resource_account": B}, {"resource": f"arn:aws:sqs:us-east-1:{B}:q"}):
        decision = ask(USER, Policies(**policies), **where)
        assert (decision.reason, decision.policy_type) == (reason, kind)


def test_a_decision_names_the_statements_that_made_it() -> None:
    denied = ask(USER, Policies(identity=(ALLOW, DENY)))
    assert denied.matched == DENY.denies
    allowed = ask(ROLE, Policies(identity=(OTHER, ALLOW), boundary=EVERYTHING, resource=NAMED_ACCOUNT))
    assert allowed.matched == (*NAMED_ACCOUNT.allows, *ALLOW.allows, *EVERYTHING.allows)
    assert ask(USER, Policies()).matched == ()


EVERYTHING = parsed("Allow", action="*")


def test_not_action_means_everything_else() -> None:
    spared = policy.parse(
        {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "NotAction": "S3:get*", "Resource": "*"}}
    )
    assert ask(USER, Policies(identity=(EVERYTHING, spared))).allowed
    assert ask(USER, Policies(identity=(EVERYTHING, spared)), action="s3:PutObject").reason == "explicitDeny"


def test_not_principal_denies_everyone_else() -> None:
    statement = {"Effect": "Deny", "NotPrincipal": {"AWS": USER.arn}, "Action": "*", "Resource": "*"}
    but_ann = policy.parse({"Version": "2012-10-17", "Statement": statement}, kind="resource")
    assert ask(USER, Policies(identity=(ALLOW,), resource=but_ann)).allowed
    assert ask(ROLE, Policies(identity=(ALLOW,), resource=but_ann)).reason == "explicitDeny"


@pytest.mark.parametrize(
    ("caller", "key", "value"),
    [
        (ROLE, "aws:PrincipalArn", ROLE.role),
        (USER, "aws:PrincipalArn", USER.arn),
        (USER, "aws:PrincipalAccount", A),
        (USER, "aws:username", "ann"),
        (USER, "aws:userid", "AIDAANN"),
        (USER, "aws:PrincipalType", "User"),
        (ROLE, "aws:PrincipalType", "AssumedRole"),
        (ROLE, "aws:PrincipalIsAWSService", "false"),
        (S3, "aws:PrincipalServiceName", "s3.amazonaws.com"),
    ],
)
def test_keys_about_the_principal_are_known(caller: Caller, key: str, value: str) -> None:
    condition = {"StringEquals": {key: value}}
    identity = (parsed("Allow", Condition=condition),)
    resource = parsed("Allow", principal={"Service": "s3.amazonaws.com"}, Condition=condition)
    assert ask(caller, Policies(identity=identity, resource=resource)).allowed
    other = (parsed("Allow", Condition={"StringEquals": {key: value + "x"}}),)
    assert not ask(caller, Policies(identity=other)).allowed


def test_the_requests_own_context_wins() -> None:
    policies = Policies(identity=(parsed("Allow", Condition={"StringEquals": {"aws:userid": "other"}}),))
    assert ask(USER, policies, context={"AWS:UserId": "other"}).allowed


MESSAGES = [
    ({}, f"on resource: {OBJECT} because no identity-based policy allows the s3:GetObject action"),
    ({"identity": (DENY,)}, f"on resource: {OBJECT} with an explicit deny in an identity-based policy"),
    ({"resource": DENY_ALL}, f"on resource: {OBJECT} with an explicit deny in a resource-based policy"),
    ({"boundary": DENY}, f"on resource: {OBJECT} with an explicit deny in a permissions boundary"),
    (
        {"identity": (ALLOW,), "boundary": OTHER},
        f"on resource: {OBJECT} because no permissions boundary allows the s3:GetObject action",
    ),
    (
        {"identity": (ALLOW,), "session": (OTHER,)},
        f"on resource: {OBJECT} because no session policy allows the s3:GetObject action",
    ),
]


@pytest.mark.parametrize(("policies", "rest"), MESSAGES)
def test_denials_read_as_awss(policies: Any, rest: str) -> None:
    text = ask(USER, Policies(**policies)).message(USER.arn, "s3:GetObject", OBJECT)
    assert text == f"User: {USER.arn} is not authorized to perform: s3:GetObject {rest}"


def test_a_message_may_name_no_resource_and_an_allowed_request_has_none() -> None:
    text = ask(USER, Policies()).message(USER.arn, "s3:ListAllMyBuckets", None)
    assert text.endswith(
        "perform: s3:ListAllMyBuckets because no identity-based policy allows the s3:ListAllMyBuckets action"
    )
    with pytest.raises(ValueError):
        ask(ROOT, Policies()).message(ROOT.arn, "s3:GetObject", OBJECT)
