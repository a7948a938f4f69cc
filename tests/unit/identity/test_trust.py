"""A role is taken on by those whom its trust policy names, under its conditions, and by no one else."""

from typing import Any

import pytest

from stepwell.calls import Caller
from stepwell.identity import policy, trust
from stepwell.identity.evaluate import Policies

A = "111122223333"
ROLE = f"arn:aws:iam::{A}:role/states"
MACHINE = f"arn:aws:states:us-east-1:{A}:stateMachine:train"
ANN = Caller(arn=f"arn:aws:iam::{A}:user/ann", account=A, kind="user")
MAY_ASSUME = policy.parse(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE}}
)


def trusting(principal: Any, condition: Any = None, effect: str = "Allow") -> policy.Policy:
    statement = {
        "Effect": effect,
        "Principal": principal,
        "Action": "sts:AssumeRole",
        "Condition": condition or {},
    }
    return policy.parse({"Version": "2012-10-17", "Statement": statement}, kind="trust")


STATES = trusting({"Service": "states.amazonaws.com"})
CONFINED = trusting(
    {"Service": "states.amazonaws.com"},
    {
        "ArnLike": {"aws:SourceArn": f"arn:aws:states:us-east-1:{A}:stateMachine:*"},
        "StringEquals": {"aws:SourceAccount": A},
    },
)


@pytest.mark.parametrize(
    ("policy_", "service", "source", "allowed"),
    [
        (STATES, "states.amazonaws.com", {}, True),
        (STATES, "states.us-east-1.amazonaws.com", {}, True),
        (STATES, "lambda.amazonaws.com", {}, False),
        (trusting({"Service": "states.us-east-1.amazonaws.com"}), "states.amazonaws.com", {}, True),
        (
            trusting({"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]}),
            "states.amazonaws.com",
            {},
            True,
        ),
        (trusting({"AWS": A}), "states.amazonaws.com", {}, False),
        (CONFINED, "states.amazonaws.com", {"source_arn": MACHINE, "source_account": A}, True),
        (CONFINED, "states.amazonaws.com", {"source_arn": MACHINE}, False),
        (CONFINED, "states.amazonaws.com", {"source_arn": MACHINE, "source_account": "9" * 12}, False),
        (CONFINED, "states.amazonaws.com", {}, False),
    ],
)
def test_services(policy_: policy.Policy, service: str, source: dict[str, str], allowed: bool) -> None:
    assert trust.may_assume(policy_, trust.service(service, A), ROLE, **source).allowed is allowed  # type: ignore[arg-type]


def test_a_user_named_in_the_same_account_needs_no_policy_of_their_own() -> None:
    assert trust.may_assume(trusting({"AWS": ANN.arn}), ANN, ROLE).allowed


def test_a_named_account_leaves_the_choice_to_identity_policies() -> None:
    account = trusting({"AWS": f"arn:aws:iam::{A}:root"})
    assert not trust.may_assume(account, ANN, ROLE).allowed
    assert trust.may_assume(account, ANN, ROLE, policies=Policies(identity=(MAY_ASSUME,))).allowed


def test_an_identity_policy_does_not_replace_trust() -> None:
    decision = trust.may_assume(STATES, ANN, ROLE, policies=Policies(identity=(MAY_ASSUME,)))
    assert decision.message(ANN.arn, "sts:AssumeRole", None) == (
        f"User: {ANN.arn} is not authorized to perform: sts:AssumeRole "
        "because no role trust policy allows the sts:AssumeRole action"
    )


def test_a_trust_policys_deny_is_told_as_such() -> None:
    decision = trust.may_assume(trusting("*", effect="Deny"), ANN, ROLE)
    assert decision.message(ANN.arn, "sts:AssumeRole", None) == (
        f"User: {ANN.arn} is not authorized to perform: sts:AssumeRole "
        "with an explicit deny in the role trust policy"
    )


def test_another_account_needs_trust_and_its_own_policy() -> None:
    stranger = Caller(arn="arn:aws:iam::444455556666:user/bob", account="444455556666", kind="user")
    named = trusting({"AWS": stranger.arn})
    assert not trust.may_assume(named, stranger, ROLE).allowed
    assert trust.may_assume(named, stranger, ROLE, policies=Policies(identity=(MAY_ASSUME,))).allowed


def test_an_external_id_must_be_the_agreed_one() -> None:
    agreed = trusting({"AWS": ANN.arn}, {"StringEquals": {"sts:ExternalId": "secret"}})
    assert trust.may_assume(agreed, ANN, ROLE, external_id="secret").allowed
    assert not trust.may_assume(agreed, ANN, ROLE, external_id="guess").allowed
    assert not trust.may_assume(agreed, ANN, ROLE).allowed


def test_only_the_named_action_is_trusted() -> None:
    assert not trust.may_assume(trusting({"AWS": ANN.arn}), ANN, ROLE, action="sts:TagSession").allowed
