"""A workflow is retired: all that its runs made goes, nothing else does, and destroy leaves nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from leftovers import leftovers
from running import Running, ended
from seesaws import Seesaw, batch, flipped

DOCS = Path(__file__).resolve().parents[2] / "docs"
CONTAINER = {"Image": "stepwell-tests/bare:1", "ModelDataUrl": "s3://seesaw/by-hand.tar.gz"}


@pytest.fixture(scope="module")
def seesaw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seesaw]:
    folder = tmp_path_factory.mktemp("retire")
    server = Running(folder / "data")
    server.start()
    made = Seesaw(server, folder / "program", "seesaw")
    yield made
    server.stop()


def test_a_decision_is_kept_under_the_name_of_the_shells_user(seesaw: Seesaw) -> None:
    """Keys of a user in a shell that points at the server count, and that user's rights; other keys don't."""
    assert seesaw.output(seesaw.upload("first", batch(0)))["outcome"] == "DEPLOYED"
    run = seesaw.upload("wrong", batch(1000, label=flipped))
    seesaw.asked(run)
    iam = seesaw.server.client("iam")
    iam.create_user(UserName="ada")
    key = iam.create_access_key(UserName="ada")["AccessKey"]
    shell = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": seesaw.server.url,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    name = run.rpartition(":")[2]
    refused = seesaw.server.stepwell("reject", name, "--reason", "upside down", env=shell)
    assert refused.returncode == 1
    assert "user/ada is not authorized" in refused.stderr
    _, _, page = (DOCS / "rollback.md").read_text().partition("in `decides.json`:\n\n```json\n")
    iam.put_user_policy(UserName="ada", PolicyName="decides", PolicyDocument=page.partition("```")[0])
    done = seesaw.server.stepwell("reject", name, "--reason", "upside down", env=shell)
    assert done.returncode == 0, done.stderr
    output = json.loads(ended(seesaw.server, run)["output"])
    assert output["outcome"] == "REJECTED"
    assert output["approval"]["by"] == "arn:aws:iam::000000000000:user/ada"
    elsewhere = {**shell, "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "AKIAELSEWHERE"}
    assert seesaw.server.stepwell("executions", env=elsewhere).returncode == 0
    foreign = seesaw.server.stepwell("executions", env={**shell, "AWS_ACCESS_KEY_ID": "AKIAELSEWHERE"})
    assert foreign.returncode == 1
    assert "stepwell env" in foreign.stderr


def test_what_runs_made_goes_and_destroy_leaves_nothing(seesaw: Seesaw) -> None:
    server, sagemaker = seesaw.server, seesaw.sagemaker
    assert seesaw.output(seesaw.upload("second", batch(2000)))["outcome"] == "DEPLOYED"
    waits = seesaw.upload("worse", batch(3000, label=flipped))
    seesaw.asked(waits)
    for version in ("1", "3"):
        assert server.stepwell("rollback", "seesaw", "--to", version).returncode == 0
    role = sagemaker.describe_model(ModelName=sagemaker.list_models()["Models"][0]["ModelName"])
    by_hand = {"ModelName": "seesaw-by-hand", "ExecutionRoleArn": role["ExecutionRoleArn"]}
    sagemaker.create_model(**by_hand, PrimaryContainer=CONTAINER)
    specification = {
        "Containers": [CONTAINER],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    registered = sagemaker.create_model_package(
        ModelPackageGroupName="seesaw", InferenceSpecification=specification
    )["ModelPackageArn"]

    before = leftovers(server)
    listed = server.stepwell("retire", "seesaw", "--dry-run")
    assert listed.returncode == 0, listed.stderr
    assert {"endpoint         seesaw", "model package    seesaw/1"} <= set(listed.stdout.splitlines())
    assert "by-hand" not in listed.stdout
    assert "stays: model package seesaw/5: no run of the workflow registered it" in listed.stderr
    short = server.stepwell("retire", "sees", "--yes")
    assert "there is no workflow sees," in short.stderr
    asked = server.stepwell("retire", "seesaw")
    assert (asked.returncode, leftovers(server)) == (2, before)

    done = server.stepwell("retire", "seesaw", "--yes")
    assert done.returncode == 0, done.stderr
    assert ended(server, waits)["status"] == "ABORTED"
    again = json.loads(server.stepwell("retire", "seesaw", "--yes", "--json").stdout)
    assert (again["things"], [each["thing"]["name"] for each in again["kept"]]) == ([], [registered])

    refused = server.stepwell("destroy", str(seesaw.folder), "--yes")
    assert refused.returncode == 1
    assert "stepwell retire seesaw" in refused.stderr
    sagemaker.delete_model_package(ModelPackageName=registered)
    sagemaker.delete_model(ModelName="seesaw-by-hand")
    after = server.stepwell("destroy", str(seesaw.folder), "--yes")
    assert after.returncode == 0, after.stderr
    assert leftovers(server) == []
    gone = server.stepwell("retire", "seesaw", "--yes")
    assert (gone.returncode, gone.stderr) == (
        0,
        "there is no workflow seesaw, and nothing that its runs made\n",
    )
