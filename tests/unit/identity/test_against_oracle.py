"""The compiled decision is that of an evaluator too plain to be wrong, on ten thousand random requests."""

from __future__ import annotations

import random
from typing import Any

import pytest
from identity.oracle import Question, answer

from stepwell.calls import Caller
from stepwell.identity import policy
from stepwell.identity.evaluate import Policies, Request, decide, owner, request_context

ROUNDS, EACH = 10, 1000
A, B = "111122223333", "444455556666"
CALLERS = (
    Caller(arn=f"arn:aws:iam::{A}:user/ann", account=A, kind="user", user_id="AIDAANNANNANNANN"),
    Caller(
        arn=f"arn:aws:sts::{A}:assumed-role/r/s",
        account=A,
        kind="role",
        role=f"arn:aws:iam::{A}:role/p/r",
        user_id="AROARRRRRRRRRRRR:s",
    ),
    Caller(arn="s3.amazonaws.com", account=A, kind="service"),
    Caller(arn=f"arn:aws:iam::{A}:root", account=A, kind="root", user_id=A),
)
PRINCIPALS: tuple[Any, ...] = (
    "*",
    {"AWS": "*"},
    {"AWS": A},
    {"AWS": f"arn:aws:iam::{A}:root"},
    {"AWS": [f"arn:aws:iam::{B}:root", f"arn:aws:iam::{A}:user/bob"]},
    {"AWS": f"arn:aws:iam::{A}:user/ann"},
    {"AWS": f"arn:aws:iam::{A}:role/p/r"},
    {"AWS": f"arn:aws:sts::{A}:assumed-role/r/s"},
    {"AWS": "AROARRRRRRRRRRRR"},
    {"AWS": "AIDAANNANNANNANN"},
    {"Service": ["s3.amazonaws.com", "lambda.amazonaws.com"]},
    {"Service": "states.amazonaws.com", "AWS": A},
)
ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:ListBucket", "sqs:SendMessage")
ACTION_PATTERNS = ("*", "s3:*", "s3:Get*", "S3:getobject", "s3:P?tObject", "s3:*t*", "sqs:*", "s3:ListBucket")
RESOURCES = (
    "arn:aws:s3:::a",
    "arn:aws:s3:::a/k",
    "arn:aws:s3:::a/k*",
    "arn:aws:s3:::b/x/y",
    f"arn:aws:sqs:us-east-1:{A}:q",
    f"arn:aws:sqs:us-east-1:{B}:q",
    f"arn:aws:lambda:us-east-1:{A}:function:f:1",
    "*",
)
RESOURCE_PATTERNS = (
    "*",
    "arn:aws:s3:::*",
    "arn:aws:s3:::a",
    "arn:aws:s3:::a/*",
    "arn:aws:s3:::?/k",
    "arn:aws:s3:::*/y",
    "arn:aws:s3:::${k}/*",
    "arn:aws:s3:::${k,'b'}/${l, 'x'}/?",
    "arn:aws:s3:::a/k${*}",
    "arn:aws:sqs:*:*:q",
    f"arn:aws:sqs:us-*-1:{A}:*",
    "arn:aws:sqs:${k}:*:q",
    f"arn:aws:lambda:*:{A}:function:?",
    f"arn:aws:lambda:us-east-1:{A}:*",
    "arn:aws:lambda:*",
    "arn:aws:lambda:*:f:?",
    "arn:aws:sqs:*:q",
    "arn:aws:sqs:u*q",
)
STRINGS = ("a", "ab", "A", "*", "a*", "?", "${k}", "${l,'ab'}", "${*}", "x")
VALUES: dict[str, tuple[Any, ...]] = {
    "String": STRINGS,
    "Arn": ("arn:aws:s3:::a*", "arn:*:s3:::?", "arn:aws:sqs:*:*:q", "arn:aws:s3:::${k}", "a"),
    "Numeric": ("1", "2.0", 3, "10"),
    "Date": ("2026-01-01T00:00:00Z", "2026-06-01T12:00:00+02:00", "1767225600"),
    "Bool": ("true", "false", True, "False"),
    "Binary": ("YQ==", "Yg=="),
    "Ip": ("10.0.0.0/8", "10.1.2.3", "192.168.1.0/24", "2001:db8::/32"),
    "Null": ("true", "false", True),
}
GIVEN = ("a", "ab", "A", "x", "a*", "1", "2", "9.5", "2026-01-01T00:00:00Z", "2026-06-01T10:00:00Z", "true",
         "false", "10.1.2.3", "192.168.1.7", "2001:db8::1", "YQ==", "arn:aws:s3:::a",
         f"arn:aws:sqs:us-east-1:{A}:q")  # fmt: skip
ORDERS = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
OPERATORS = (
    *(f"String{name}" for name in ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase")),
    *(f"String{name}" for name in ("Like", "NotLike")),
    *(f"Arn{name}" for name in ("Equals", "NotEquals", "Like", "NotLike")),
    *(f"{kind}{order}" for kind in ("Numeric", "Date") for order in ORDERS),
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "Null",
)
KEYS = ("k", "l", "m")


def some(source: random.Random, values: tuple[Any, ...], most: int = 2) -> list[Any]:
    return source.choices(values, k=source.randint(1, most))


def condition(source: random.Random) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(source.choice((0, 0, 1, 1, 2))):
        name = source.choice(OPERATORS)
        kind = next(kind for kind in VALUES if name.removeprefix("Not").startswith(kind) or name == kind)
        values = some(source, VALUES[kind])
        if name != "Null":
            name = source.choice(("", "", "ForAnyValue:", "ForAllValues:")) + name
            name += source.choice(("", "", "IfExists"))
        key = source.choice((*KEYS, "K", "aws:PrincipalArn"))
        found.setdefault(name, {})[key] = values if len(values) > 1 or source.random() < 0.5 else values[0]
    return found


def document(source: random.Random, *, of_resource: bool = False) -> dict[str, Any]:
    statements = []
    for _ in range(source.randint(1, 3)):
        effect = source.choice(("Allow", "Allow", "Deny"))
        statement: dict[str, Any] = {
            "Effect": effect,
            source.choice(("Action", "Action", "NotAction")): some(source, ACTION_PATTERNS),
            source.choice(("Resource", "Resource", "Resource", "NotResource")): some(
                source, RESOURCE_PATTERNS
            ),
            "Condition": condition(source),
        }
        if of_resource:
            element = "NotPrincipal" if effect == "Deny" and source.random() < 0.3 else "Principal"
            statement[element] = source.choice(PRINCIPALS)
        statements.append(statement)
    version = source.choice(("2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17"))
    return {"Version": version, "Statement": statements}


def compared(source: random.Random) -> tuple[str, str, Any]:
    """What both say of one random request, and the request for those who look into a difference."""
    maybe = source.random
    request = Request(
        action=source.choice(ACTIONS),
        resource=source.choice(RESOURCES),
        principal=source.choice(CALLERS),
        context={key: some(source, GIVEN) for key in KEYS if maybe() < 0.7},
        resource_account=source.choice((None, None, None, A, B)),
    )
    identity = [document(source) for _ in range(source.randint(0, 3))]
    boundary = document(source) if maybe() < 0.3 else None
    session = [document(source) for _ in range(source.randint(1, 2))] if maybe() < 0.3 else None
    on_resource = document(source, of_resource=True) if maybe() < 0.5 else None
    must = maybe() < 0.2
    policies = Policies(
        identity=tuple(policy.parse(each) for each in identity),
        boundary=None if boundary is None else policy.parse(boundary),
        session=None if session is None else tuple(policy.parse(each) for each in session),
        resource=None if on_resource is None else policy.parse(on_resource, kind="resource"),
        resource_must_allow=must,
    )
    question = Question(
        action=request.action,
        resource=request.resource,
        caller=request.principal,
        context=request_context(request),
        owner=owner(request),
        identity=identity,
        boundary=boundary,
        session=session,
        on_resource=on_resource,
        must=must,
    )
    return decide(request, policies).reason, answer(question), question


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_both_evaluators_say_the_same(seed: int) -> None:
    source = random.Random(seed)
    counts = {"allowed": 0, "explicitDeny": 0, "implicitDeny": 0}
    for _ in range(EACH):
        ours, theirs, question = compared(source)
        assert ours == theirs, question
        counts[ours] += 1
    assert min(counts.values()) > EACH // 20, counts
