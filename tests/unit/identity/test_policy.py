"""Documents are read as IAM reads them, faults answered in its words."""

import json
from typing import Any

import pytest

from stepwell.identity import policy

ALLOW: dict[str, Any] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
SYNTAX = "Syntax errors in policy."
LEGACY = "The policy failed legacy parsing"


def document(*statements: Any, **top: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements), **top}


def without(*elements: str, **more: Any) -> dict[str, Any]:
    return {key: value for key, value in ALLOW.items() if key not in elements} | more


FAULTS = [
    ("inline", "", SYNTAX),
    ("inline", "null", SYNTAX),
    ("inline", "[" * 100_000, SYNTAX),
    ("inline", "{}", SYNTAX),
    ("inline", document(), SYNTAX),
    ("inline", document(ALLOW, Extra=1), SYNTAX),
    ("inline", document(ALLOW, Version="2020-01-01"), SYNTAX),
    ("inline", document(ALLOW, Id=3), SYNTAX),
    ("inline", document("Allow"), SYNTAX),
    ("inline", document(without(Foo="x")), SYNTAX),
    ("inline", document(without("Effect")), SYNTAX),
    ("inline", document(without(Effect="Maybe")), SYNTAX),
    ("inline", document(without(Effect="allow")), LEGACY),
    ("inline", document(without(NotAction="s3:*")), SYNTAX),
    ("inline", document(without(NotResource="*")), SYNTAX),
    ("inline", document(without(Action=[1])), SYNTAX),
    ("inline", document(without(Resource=None)), SYNTAX),
    ("inline", document(without(Sid=1)), SYNTAX),
    ("inline", document(without(Condition=[])), SYNTAX),
    ("inline", document(without(Condition={"StringEquals": "x"})), SYNTAX),
    ("inline", document(without(Condition={"StringIs": {"k": "x"}})), SYNTAX),
    ("inline", document(without(Condition={"StringEquals": {"k": {}}})), SYNTAX),
    ("inline", document(without(Condition={"DateLessThan": {"k": "soon"}})), LEGACY),
    (
        "inline",
        document(without(Sid="a"), without(Sid="a")),
        "Statement IDs (SID) in a single policy must be unique.",
    ),
    ("inline", document(without("Action")), "Policy statement must contain actions."),
    ("inline", document(without(Action=[])), "Policy statement must contain actions."),
    ("inline", document(without("Resource")), "Policy statement must contain resources."),
    ("inline", document(without(Principal="*")), "Policy document should not specify a principal."),
    ("managed", {"Statement": ALLOW}, "Policy document must be version 2012-10-17 or greater."),
    (
        "managed",
        document(ALLOW, Version="2008-10-17"),
        "Policy document must be version 2012-10-17 or greater.",
    ),
    (
        "inline",
        document(without(Action="GetObject")),
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    ),
    ("inline", document(without(Action="s3:Get:x")), "Actions/Condition can contain only one colon."),
    ("inline", document(without(Action="s*3:Get")), "Vendor s*3 is not valid"),
    (
        "inline",
        document(without(Resource="bucket")),
        'Resource bucket must be in ARN format or "*".',
    ),
    ("inline", document(without(Resource="urn:aws:s3:::b")), LEGACY),
    (
        "inline",
        document(without(Resource="arn:azure:s3:::b")),
        'Partition "azure" is not valid for resource "arn:azure:s3:::b".',
    ),
    (
        "inline",
        document(without(Resource="arn:aws:*:::b")),
        "Resource vendor must be fully qualified and cannot contain regexes.",
    ),
    (
        "inline",
        document(without(Resource="arn:aws:iam:us-east-1:111122223333:role/r")),
        "IAM resource arn:aws:iam:us-east-1:111122223333:role/r cannot contain region information.",
    ),
    (
        "inline",
        document(without(Resource="arn:aws:s3:us-east-1::b")),
        "Resource arn:aws:s3:us-east-1::b can not contain region information.",
    ),
    ("resource", document(ALLOW), "Missing required field Principal"),
    ("resource", document(without(Principal={})), SYNTAX),
    ("resource", document(without(Principal={"Person": "x"})), SYNTAX),
    (
        "resource",
        document(without(Principal={"AWS": "arn:aws:iam::111122223333:role/*"})),
        'Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:role/*"',
    ),
    ("resource", document(without(NotPrincipal="*")), "Allow with NotPrincipal is not allowed."),
    ("trust", "{", "This policy contains invalid Json"),
    (
        "trust",
        document({"Effect": "Allow", "Action": "sts:AssumeRole"}),
        "Missing required field Principal",
    ),
    (
        "trust",
        document(without(Action="sts:AssumeRole", Principal="*")),
        "Has prohibited field Resource",
    ),
    (
        "trust",
        document({"Effect": "Allow", "Action": "s3:GetObject", "Principal": "*"}),
        "AssumeRole policy may only specify STS AssumeRole actions.",
    ),
    (
        "trust",
        document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "states"}}),
        'Invalid principal in policy: "SERVICE":"states"',
    ),
]


@pytest.mark.parametrize(("kind", "given", "message"), FAULTS)
def test_a_fault_is_answered_in_iams_words(kind: Any, given: Any, message: str) -> None:
    with pytest.raises(policy.MalformedPolicyDocument) as caught:
        policy.parse(given, kind=kind)
    assert caught.value.message == message
    assert (caught.value.error_code, caught.value.http_status) == ("MalformedPolicyDocument", 400)


def test_one_statement_needs_no_list_and_the_version_may_be_missing() -> None:
    read = policy.parse(json.dumps({"Statement": ALLOW}), name="mine")
    assert (read.version, read.name, len(read.allows), len(read.denies)) == ("2008-10-17", "mine", 1, 0)


def test_statements_keep_their_place_and_name() -> None:
    deny = without(Effect="Deny", Sid="No")
    read = policy.parse(document(ALLOW, deny), name="mine")
    assert [(s.policy, s.index, s.sid, s.effect) for s in read.denies] == [("mine", 1, "No", "Deny")]


def test_conditions_take_booleans_and_numbers() -> None:
    condition = {"Bool": {"aws:SecureTransport": False}, "NumericLessThan": {"s3:max-keys": 10}}
    (statement,) = policy.parse(document(without(Condition=condition))).allows
    assert statement.applies("s3:getobject", "*", {"aws:securetransport": ("false",), "s3:max-keys": ("9",)})
    assert not statement.applies(
        "s3:getobject", "*", {"aws:securetransport": ("true",), "s3:max-keys": ("9",)}
    )


def test_all_operators_and_keys_of_a_condition_must_hold() -> None:
    condition = {"StringEquals": {"a": "1", "b": "2"}, "StringLike": {"c": "3*"}}
    (statement,) = policy.parse(document(without(Condition=condition))).allows
    full = {"a": ("1",), "b": ("2",), "c": ("33",)}
    assert statement.applies("s3:getobject", "*", full)
    for key in full:
        assert not statement.applies("s3:getobject", "*", full | {key: ("x",)})
