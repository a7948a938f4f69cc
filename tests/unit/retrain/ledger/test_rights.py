"""The ledger's roles: the rights of the component's table are enough, and none is too many."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from retrain.ledger.test_approvals import Waiting
from retrain.ledger.world import APPROVED, World, released

from stepwell.retrain.resources import rights
from stepwell.retrain.resources.names import Names
from stepwell.retrain.resources.rights import Right


def names(world: World, endpoint: str | None = None) -> Names:
    return Names(
        workflow=world.group,
        partition="aws",
        account="000000000000",
        region="us-east-1",
        bucket=world.bucket,
        endpoint=endpoint,
    )


def ledger(world: World) -> list[Right]:
    return rights.ledger(names(world), prefixes=["data/"])


def permitted(world: World, *allowed: Right) -> World:
    """The world as a function of such a role sees it."""
    iam, sts = world.stepwell.client("iam"), world.stepwell.client("sts")
    role = world.stepwell.role(f"{world.bucket}-function", "lambda.amazonaws.com")
    name = role.rpartition("/")[2]
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
        "Action": "sts:AssumeRole",
    }
    document = {"Version": "2012-10-17", "Statement": [trust]}
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(document))
    policy = {"Version": "2012-10-17", "Statement": [right.statement() for right in allowed]}
    iam.delete_role_policy(RoleName=name, PolicyName="everything")
    iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=json.dumps(policy))
    keys = sts.assume_role(RoleArn=role, RoleSessionName="ledger")["Credentials"]
    session = boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        region_name="us-east-1",
    )
    url = world.stepwell.url
    return world.with_(
        s3=session.client("s3", endpoint_url=url),
        sagemaker=session.client("sagemaker", endpoint_url=url),
        states=session.client("stepfunctions", endpoint_url=url),
    )


def all_that_a_ledger_does(world: World) -> None:
    """A run that was stopped, one that waits, is released and accepted, with a champion that is approved."""
    world.s3.put_object(Bucket=world.bucket, Key="models/m/output/model.tar.gz", Body=b"model")
    world.package()
    stopped = world.start()
    world.begin(stopped, world.put("data/a.csv"))
    world.stop(stopped)
    execution, run = world.parked()
    run = world.ask("resume", execution, run={**run, "approval": released()})
    assert {"champion", "code"} <= {each["InputName"] for each in run["gate_inputs"]}
    run = world.judged(run, "DEPLOY", "NOT_WORSE")
    world.ask("close", execution, run=run, outcome="REGISTERED")
    assert world.at(run["evidence"])["released"] == released()
    settings = {**world.settings, "when": {"rows": 10, "seconds": None}}
    world.put("code/settings.json", json.dumps(settings))
    assert world.begin(world.start(), trigger="check")["result"]["rows"] == 1


def test_the_ledger_s_rights_are_enough(world: World) -> None:
    all_that_a_ledger_does(permitted(world, *ledger(world)))


@pytest.mark.parametrize(
    "sid", ["List", "ReadBatches", "ReadRecords", "WriteRecords", "SeeRuns", "SeeChampion"]
)
def test_each_of_the_ledger_s_rights_is_needed(world: World, sid: str) -> None:
    kept = [right for right in ledger(world) if right.sid != sid]
    assert len(kept) == len(ledger(world)) - 1
    with pytest.raises((ClientError, AssertionError)):
        all_that_a_ledger_does(permitted(world, *kept))


def all_that_approvals_do(world: World, waiting: Waiting) -> None:
    assert world.tell(**waiting.event) is None
    world.decide(waiting.package, APPROVED)
    detail: dict[str, Any] = {"ModelPackageArn": waiting.package}
    assert world.tell(detail=detail) == "approve"
    assert world.tell(detail=detail) is None


def approvals(world: World, waiting: Waiting) -> list[Right]:
    """The table's, for the machine that waits here."""
    machine = waiting.execution.arn.replace(":execution:", ":stateMachine:").rpartition(":")[0]
    found = rights.approvals(names(world))
    answer = found.pop()
    assert answer.sid == "Answer"
    return [*found, Right(sid="Answer", actions=answer.actions, resources=[machine], why="as there")]


def test_the_approvals_rights_are_enough(world: World) -> None:
    waiting = Waiting(world)
    all_that_approvals_do(permitted(world, *approvals(world, waiting)), waiting)


@pytest.mark.parametrize("sid", ["List", "KeepTokens", "SeeDecision", "Answer"])
def test_each_of_the_approvals_rights_is_needed(world: World, sid: str) -> None:
    waiting = Waiting(world)
    kept = [right for right in approvals(world, waiting) if right.sid != sid]
    with pytest.raises(ClientError, match=r"AccessDenied|403|Forbidden"):
        all_that_approvals_do(permitted(world, *kept), waiting)
