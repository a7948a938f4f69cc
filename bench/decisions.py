"""Decisions that every call or event takes, measured in the process: policies and patterns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from figures import Figure, right, runs

from stepwell.calls import Caller
from stepwell.identity import managed
from stepwell.identity.evaluate import Policies, Request, decide
from stepwell.triggers.patterns import RuleSet, compile_pattern

#: AWS's own policies: the role that is decided about has ten, with some seventy statements
TEN = """
    AmazonSageMakerFullAccess AWSLambda_FullAccess AmazonSSMFullAccess AmazonSSMManagedInstanceCore
    AmazonEventBridgeFullAccess IAMFullAccess AWSStepFunctionsConsoleFullAccess CloudWatchLogsFullAccess
    AmazonS3ReadOnlyAccess AWSLambda_ReadOnlyAccess
"""
ACCOUNT = "111122223333"
RULES = 1000
#: decisions of one run
COUNT = 2000


def microseconds(work: Callable[[], Any]) -> float:
    """What one `work` takes, of many in a row."""
    begun = time.perf_counter()
    for _ in range(COUNT):
        work()
    return (time.perf_counter() - begun) / COUNT * 1e6


def figures() -> Iterator[Figure]:
    """A decision of IAM, and an event among many rules."""
    role = Caller(
        arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s",
        account=ACCOUNT,
        kind="role",
        role=f"arn:aws:iam::{ACCOUNT}:role/r",
    )
    found = [managed.find(f"arn:aws:iam::aws:policy/{name}") for name in TEN.split()]
    policies = Policies(identity=tuple(each.policy for each in found if each is not None))
    request = Request(
        action="sagemaker:CreateTrainingJob",
        resource=f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-job/j",
        principal=role,
        context={"aws:SourceIp": "10.1.2.3", "aws:RequestedRegion": "us-east-1"},
    )
    right(decide(request, policies).allowed, "the role may create training jobs")
    yield Figure(
        what="IAM decision over ten policies",
        unit="µs",
        runs=runs(lambda: microseconds(lambda: decide(request, policies))),
    )
    rules = RuleSet(
        (f"rule-{number}", compile_pattern({"source": [f"app.{number}"], "detail": {"size": [number]}}))
        for number in range(RULES)
    )
    event = {"source": "app.7", "detail-type": "Arrived", "detail": {"size": 7}}
    right(list(rules.matching(event)) == ["rule-7"], "one rule matches")
    yield Figure(
        what=f"an event among {RULES} rules",
        unit="µs",
        runs=runs(lambda: microseconds(lambda: list(rules.matching(event)))),
    )
