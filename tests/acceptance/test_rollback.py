"""An endpoint goes back in one word: by the command, by its users' own keys, and through `kill -9`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from jobs import IMAGE, Work, tarred
from running import Running, allow, arn, until

from stepwell.cli import connection
from stepwell.contact import RootKey

INFERENCE = """
import pathlib
def model_fn(folder):
    return pathlib.Path(folder, "model.txt").read_text()
def input_fn(body, content_type):
    return body
def predict_fn(body, model):
    return model
def output_fn(prediction, accept):
    return prediction
"""


def own(running: Running, key: dict[str, Any] | None = None) -> Any:
    """A client of the service of our own, as the account's root or with a user's key."""
    settings = running.settings
    return connection.client(
        "stepwell",
        url=running.url,
        key=RootKey(
            access_key_id=key["AccessKeyId"] if key else settings["aws_access_key_id"],
            secret_access_key=key["SecretAccessKey"] if key else settings["aws_secret_access_key"],
            account="000000000000",
            region="us-east-1",
        ),
    )


def register(work: Work, group: str, text: str) -> str:
    """A version of the group whose model answers `text`; its ARN."""
    key = f"{group}-{text}.tar.gz"
    packed = tarred({"model.txt": text, "code/inference.py": INFERENCE})
    work.s3.put_object(Bucket=work.bucket, Key=key, Body=packed)
    made = work.sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [{"Image": IMAGE, "ModelDataUrl": f"s3://{work.bucket}/{key}"}],
            "SupportedContentTypes": ["text/plain"],
            "SupportedResponseMIMETypes": ["text/plain"],
        },
    )
    return str(made["ModelPackageArn"])


def serve(work: Work, endpoint: str, version: int) -> None:
    """Have the endpoint serve a version of the group of its name, as a workflow does it."""
    name = f"{endpoint}-model-{version}"
    sagemaker = work.sagemaker
    package = {"ModelPackageName": arn("sagemaker", f"model-package/{endpoint}/{version}")}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=work.role, PrimaryContainer=package)
    variant = {"VariantName": "champion", "ModelName": name, "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[{**variant, "InstanceType": "ml.m5.large"}]
    )
    change = sagemaker.create_endpoint if version == 1 else sagemaker.update_endpoint
    change(EndpointName=endpoint, EndpointConfigName=name)
    settle(work, endpoint)


def settle(work: Work, endpoint: str) -> None:
    def look() -> bool:
        found = work.running.client("sagemaker").describe_endpoint(EndpointName=endpoint)
        return found["EndpointStatus"] == "InService"

    until(look)


def served(work: Work, endpoint: str) -> Work:
    """An endpoint that serves version 2 of the group of its name, and has served version 1."""
    work.sagemaker.create_model_package_group(ModelPackageGroupName=endpoint)
    for version in (1, 2):
        register(work, endpoint, f"v{version}")
        serve(work, endpoint, version)
    return work


@pytest.fixture(scope="module")
def work(server: Running) -> Work:
    return Work(server, "rollbacks")


def answer(work: Work, endpoint: str) -> str:
    reply = work.running.client("sagemaker-runtime").invoke_endpoint(EndpointName=endpoint, Body=b"?")
    text: str = reply["Body"].read().decode()
    return text


def test_one_word_brings_back_the_model_before(work: Work) -> None:
    """Who and why are listed, a named version comes back too, and a version that never served."""
    served(work, "onward")
    assert answer(work, "onward") == "v2"
    done = work.running.stepwell("rollback", "onward")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "onward serves package onward/1 (configuration onward-model-1)\n"
    assert "package onward/2" in done.stderr.partition("->")[0]
    assert answer(work, "onward") == "v1"

    assert work.running.stepwell("rollback", "onward").returncode == 1, "nothing served before version 1"
    back = work.running.stepwell("rollback", "onward", "--to", "2", "--reason", "it was the data")
    assert (back.returncode, answer(work, "onward")) == (0, "v2")
    register(work, "onward", "v3")
    assert work.running.stepwell("rollback", "onward", "--to", "3", "--no-wait").returncode == 0
    settle(work, "onward")
    assert answer(work, "onward") == "v3"

    listed = work.running.stepwell("rollback", "onward", "--list")
    lines = listed.stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        ["5", "InService"],
        ["4", "Replaced"],
        ["3", "Replaced"],
        ["2", "Replaced"],
        ["1", "Replaced"],
    ]
    assert lines[2].endswith("rollback to 2: it was the data") and "  root  " in lines[2]


def test_what_does_not_come_up_leaves_what_serves(work: Work) -> None:
    """The artefact is there, and no archive: the model server never gets it."""
    served(work, "faulty")
    work.s3.put_object(Bucket=work.bucket, Key="faulty-v1.tar.gz", Body=b"no archive")
    done = work.running.stepwell("rollback", "faulty")
    assert done.returncode == 1
    assert "faulty did not take it and serves package faulty/2" in done.stderr
    assert answer(work, "faulty") == "v2"
    work.s3.delete_object(Bucket=work.bucket, Key="faulty-v1.tar.gz")
    gone = work.running.stepwell("rollback", "faulty")
    assert (
        gone.returncode == 1 and "Could not find model data at s3://rollbacks/faulty-v1.tar.gz" in gone.stderr
    )


@pytest.fixture
def user(server: Running) -> Callable[..., dict[str, Any]]:
    """Makes the user `on-call` with these statements as its one policy; gives its key."""
    iam = server.client("iam")
    iam.create_user(UserName="on-call")
    key: dict[str, Any] = iam.create_access_key(UserName="on-call")["AccessKey"]

    def allowed(*statements: dict[str, Any]) -> dict[str, Any]:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_user_policy(UserName="on-call", PolicyName="rights", PolicyDocument=document)
        return key

    return allowed


def test_a_user_rolls_back_with_the_rights_to_all_of_it_and_not_with_fewer(
    work: Work, user: Callable[..., dict[str, Any]]
) -> None:
    served(work, "guarded")
    register(work, "guarded", "v3")
    endpoint, config = arn("sagemaker", "endpoint/guarded"), arn("sagemaker", "endpoint-config/guarded-")
    may = [
        allow("stepwell:RollbackEndpoint", endpoint),
        allow("sagemaker:UpdateEndpoint", [endpoint, f"{config}model-1"]),
    ]

    def refused(key: dict[str, Any], **params: Any) -> str:
        with pytest.raises(ClientError) as error:
            own(work.running, key).rollback_endpoint(EndpointName="guarded", **params)
        assert error.value.response["Error"]["Code"] == "AccessDeniedException"
        return str(error.value)

    assert "perform: stepwell:RollbackEndpoint" in refused(user(may[1]))
    assert "perform: sagemaker:UpdateEndpoint" in refused(user(may[0]))
    key = user(*may)
    assert f"UpdateEndpoint on resource: {config}3" in refused(key, ModelPackageVersion=3)
    more = [allow("sagemaker:UpdateEndpoint", f"{config}3")]
    assert "perform: sagemaker:CreateEndpointConfig" in refused(user(*may, *more), ModelPackageVersion=3)
    more.append(allow("sagemaker:CreateEndpointConfig", f"{config}3"))
    assert "perform: sagemaker:CreateModel" in refused(user(*may, *more), ModelPackageVersion=3)
    more.append(allow("sagemaker:CreateModel", arn("sagemaker", "model/guarded-3")))
    assert "perform: iam:PassRole" in refused(user(*may, *more), ModelPackageVersion=3)
    own(work.running, user(*may)).rollback_endpoint(EndpointName="guarded", Reason="by hand")
    settle(work, "guarded")
    assert answer(work, "guarded") == "v1"
    newest = own(work.running).list_deployments(EndpointName="guarded")["Deployments"][0]
    assert newest["RequestedBy"] == "arn:aws:iam::000000000000:user/on-call"
    assert (newest["Action"], newest["Reason"]) == ("rollback", "by hand")


@pytest.mark.faults
@pytest.mark.timeout(180)
@pytest.mark.parametrize("seconds", [0.0, 0.3, 1.0])
def test_a_rollback_that_was_answered_goes_through_a_kill(own_server: Running, seconds: float) -> None:
    """Whenever the server dies after its answer, version 1 serves in the end, as one deployment."""
    work = served(Work(own_server, "killed"), "killed")
    own(own_server).rollback_endpoint(EndpointName="killed", Reason="it must be")
    time.sleep(seconds)
    own_server.kill()
    own_server.start()
    settle(work, "killed")
    assert until(lambda: works(lambda: answer(work, "killed")), 30) == "v1"
    first, *others = own(own_server).list_deployments(EndpointName="killed")["Deployments"]
    assert (first["Action"], first["Status"], first["Reason"]) == ("rollback", "InService", "it must be")
    assert [each["Status"] for each in others] == ["Replaced", "Replaced"]


def works(ask: Any) -> Any:
    """What `ask` gives, or None where it fails."""
    try:
        return ask()
    except (ClientError, BotoCoreError):
        return None
