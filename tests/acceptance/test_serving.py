"""What a model's code can do wrong: FailureReason or a ModelError tells, and the server goes on."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from functions import messages
from jobs import IMAGE, Work, tarred
from running import Running, until

GOOD = """
import os, time

def model_fn(folder):
    return "model"

def input_fn(body, content_type):
    if content_type != "text/plain":
        raise ValueError(f"cannot read {content_type}")
    return body.decode() if isinstance(body, bytes) else body

def predict_fn(value, model):
    if value == "raise":
        raise KeyError("column p7")
    if value == "exit":
        os._exit(3)
    if value == "print":
        for number in range(20_000):
            print(number, "x" * 60)
    return value

def output_fn(prediction, accept):
    return prediction
"""


@pytest.fixture(scope="module")
def work(server: Running) -> Work:
    return Work(server, "serving-faults")


def deploy(work: Work, name: str, code: dict[str, str], **environment: str) -> dict[str, Any]:
    """An endpoint of one model; its description once it is made or has failed."""
    sagemaker = work.sagemaker
    work.s3.put_object(Bucket=work.bucket, Key=f"{name}.tar.gz", Body=tarred(code))
    container = {
        "Image": IMAGE,
        "ModelDataUrl": f"s3://{work.bucket}/{name}.tar.gz",
        "Environment": environment,
    }
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=work.role, PrimaryContainer=container)
    variant = {
        "VariantName": "v",
        "ModelName": name,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=name)
        return None if found["EndpointStatus"] == "Creating" else found

    found: dict[str, Any] = until(look)
    return found


@pytest.fixture(scope="module")
def endpoint(work: Work) -> str:
    found = deploy(work, "answers", {"code/inference.py": GOOD})
    assert found["EndpointStatus"] == "InService", found.get("FailureReason")
    return "answers"


def logged(work: Work, name: str, says: str) -> bool:
    """Whether the endpoint's log holds a text; what is printed gets there a moment later."""
    try:
        lines = messages(work.running, f"/aws/sagemaker/Endpoints/{name}")
    except work.running.client("logs").exceptions.ResourceNotFoundException:
        return False
    return any(says in line for line in lines)


def ask(work: Work, name: str, body: str, kind: str = "text/plain") -> str:
    reply = work.running.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, ContentType=kind, Body=body
    )
    text: str = reply["Body"].read().decode()
    return text


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [("raise", "text/plain", "column p7"), ("a", "image/png", "cannot read image/png")],
)
def test_a_model_that_raises_is_a_model_error_and_serves_on(
    work: Work, endpoint: str, body: str, kind: str, says: str
) -> None:
    with pytest.raises(ClientError) as refused:
        ask(work, endpoint, body, kind)
    answer = refused.value.response
    assert answer["Error"]["Code"] == "ModelError"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert answer["OriginalStatusCode"] >= 400
    assert "/aws/sagemaker/Endpoints/answers" in answer["Error"]["Message"]
    assert ask(work, endpoint, "fine") == "fine"
    until(lambda: logged(work, "answers", says))


def test_a_model_whose_process_ends_is_started_again(work: Work, endpoint: str) -> None:
    with pytest.raises(ClientError) as refused:
        ask(work, endpoint, "exit")
    assert refused.value.response["Error"]["Code"] in ("ModelError", "ServiceUnavailable")

    def answers() -> bool:
        try:
            return ask(work, endpoint, "again") == "again"
        except ClientError:
            return False

    until(answers, 30)


def test_a_model_that_prints_megabytes_answers(work: Work, endpoint: str) -> None:
    assert ask(work, endpoint, "print") == "print"


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("raises-at-load", GOOD.replace('return "model"', 'raise OSError("no weights")'), "no weights"),
        ("no-syntax-here", "def model_fn(folder)\n", "SyntaxError"),
        ("no-model-fn", "x = 1\n", "model_fn"),
        ("exits-at-load", "import sys\nprint('leaving')\nsys.exit(3)\n", "leaving"),
    ],
)
def test_a_model_that_cannot_be_loaded_fails_its_endpoint(
    work: Work, name: str, code: str, says: str
) -> None:
    found = deploy(work, name, {"code/inference.py": code})
    assert found["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in found["FailureReason"]
    assert logged(work, name, says)
    with pytest.raises(ClientError) as refused:
        ask(work, name, "a")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500


def test_a_model_whose_data_is_not_there_fails_its_endpoint_and_names_it(work: Work) -> None:
    absent = f"s3://{work.bucket}/absent.tar.gz"
    container = {"Image": IMAGE, "ModelDataUrl": absent}
    work.sagemaker.create_model(ModelName="absent", ExecutionRoleArn=work.role, PrimaryContainer=container)
    variant = {
        "VariantName": "v",
        "ModelName": "absent",
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    work.sagemaker.create_endpoint_config(EndpointConfigName="absent", ProductionVariants=[variant])
    work.sagemaker.create_endpoint(EndpointName="absent", EndpointConfigName="absent")
    found = until(
        lambda: (
            (found := work.sagemaker.describe_endpoint(EndpointName="absent"))["EndpointStatus"] == "Failed"
            and found
        )
    )
    assert absent in found["FailureReason"]


def test_an_endpoint_that_is_not_there_is_said_to_be_absent(work: Work) -> None:
    with pytest.raises(ClientError) as refused:
        ask(work, "nowhere", "a")
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert "Endpoint nowhere of account 000000000000 not found." in refused.value.response["Error"]["Message"]
    with pytest.raises(ClientError, match="someones/own:3"):
        work.sagemaker.create_model(
            ModelName="unknown", ExecutionRoleArn=work.role, PrimaryContainer={"Image": "someones/own:3"}
        )


#: entry point, what FailureReason says
PROCESSING = [
    ("import sys; sys.exit(4)", "exit code: 4"),
    ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "exit code: 137"),
    ("raise ValueError('no such column')", "exit code: 1"),
]


@pytest.mark.parametrize(("script", "says"), PROCESSING)
def test_a_processing_script_that_fails_is_told_by_failure_reason(work: Work, script: str, says: str) -> None:
    name = f"processing-{abs(hash(script))}"
    work.sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=work.role,
        AppSpecification={"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", "-c", script]},
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
    )
    found = until(
        lambda: (
            (found := work.sagemaker.describe_processing_job(ProcessingJobName=name))["ProcessingJobStatus"]
            != "InProgress"
            and found
        )
    )
    assert found["ProcessingJobStatus"] == "Failed"
    assert found["FailureReason"].startswith("AlgorithmError: ")
    assert says in found["FailureReason"]
