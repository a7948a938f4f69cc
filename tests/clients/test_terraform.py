"""Real Terraform with the real AWS provider: apply, empty second plan, update, empty plan, destroy."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from functions import packed
from jobs import IMAGE, tarred
from left import inventory
from running import Running
from terraform import Installed, Terraform

pytestmark = [pytest.mark.clients, pytest.mark.timeout(400)]


@dataclass(frozen=True, kw_only=True)
class Changed:
    """What the second step of a module changes, by types; data and roles around them are left out."""

    #: types of which something is updated in place
    updated: str
    #: types of which something is replaced
    replaced: str


CHANGES = {
    "identity": Changed(
        updated="""
            aws_iam_access_key aws_iam_group aws_iam_instance_profile aws_iam_policy aws_iam_role
            aws_iam_role_policy aws_iam_user aws_iam_user_policy
        """,
        replaced="aws_iam_group_membership aws_iam_policy aws_iam_role_policy_attachment",
    ),
    "events": Changed(
        updated="""
            aws_cloudwatch_event_bus aws_cloudwatch_event_permission aws_cloudwatch_event_rule
            aws_cloudwatch_event_target aws_cloudwatch_log_group aws_lambda_function aws_s3_bucket
            aws_s3_bucket_notification aws_s3_bucket_ownership_controls aws_s3_bucket_policy
            aws_s3_bucket_public_access_block aws_s3_bucket_server_side_encryption_configuration
            aws_s3_bucket_versioning aws_s3_object aws_sfn_state_machine
        """,
        replaced="""
            aws_cloudwatch_event_rule aws_cloudwatch_event_target aws_cloudwatch_log_stream
            aws_lambda_permission aws_s3_bucket aws_s3_object aws_sfn_state_machine
        """,
    ),
    "queues": Changed(updated="aws_sqs_queue", replaced="aws_sqs_queue"),
    "serving": Changed(
        updated="""
            aws_sagemaker_endpoint aws_sagemaker_endpoint_configuration aws_sagemaker_model
            aws_sagemaker_model_package_group
        """,
        replaced="""
            aws_sagemaker_endpoint_configuration aws_sagemaker_model aws_sagemaker_model_package_group
        """,
    ),
    "systems": Changed(
        updated="""
            aws_ssm_association aws_ssm_document aws_ssm_maintenance_window aws_ssm_maintenance_window_target
            aws_ssm_maintenance_window_task aws_ssm_parameter
        """,
        replaced="aws_ssm_document aws_ssm_maintenance_window_target aws_ssm_parameter",
    ),
}
HELLO = "def handler(event, context):\n    return 'hello'\n"
SERVING = """
def model_fn(folder):
    with open(folder + "/name.txt") as file:
        return file.read()

def input_fn(body, content_type):
    return body

def predict_fn(value, model):
    return model

def output_fn(prediction, accept):
    return prediction
"""


def types(addresses: set[str]) -> set[str]:
    """The resource types of addresses."""
    return {address.split(".")[0] for address in addresses}


def package(folder: Path) -> str:
    """A function's package; gives its path."""
    path = folder / "package.zip"
    path.write_bytes(packed(HELLO))
    return str(path)


class Life:
    """One module from its first apply to its destruction."""

    def __init__(
        self, installed: Installed, module: str, folder: Path, server: Running, provider: str = "provider.tf"
    ) -> None:
        self.before, self.server = inventory(server), server
        self.terraform = Terraform(installed, module, folder / module, server, provider)
        self.module = module

    def apply(self) -> None:
        """Create all; a second plan is empty."""
        planned = self.terraform.apply()
        assert set(planned) - {"read"} == {"create"}
        self.terraform.unchanged()

    def change(self) -> Mapping[str, set[str]]:
        """Change all that can be; a second plan is empty."""
        planned = self.terraform.apply(step=2)
        expected = CHANGES[self.module]
        assert types(planned["update"]) == set(expected.updated.split())
        assert types(planned["replace"]) == set(expected.replaced.split())
        self.terraform.unchanged(step=2)
        return planned

    def destroy(self) -> None:
        """Destroy all; the server has what it had before."""
        self.terraform.destroy(step=2)
        assert inventory(self.server) == self.before


def test_queues(installed: Installed, server: Running, tmp_path: Path) -> None:
    """Queues of both kinds."""
    sqs = server.client("sqs")
    dead = sqs.get_queue_attributes(
        QueueUrl=sqs.create_queue(QueueName="dead")["QueueUrl"], AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]
    life = Life(installed, "queues", tmp_path, server)
    life.terraform.variables["dead"] = dead
    life.apply()
    life.change()
    life.destroy()


def test_identities(installed: Installed, server: Running, tmp_path: Path) -> None:
    """Roles, policies, users, groups and keys."""
    life = Life(installed, "identity", tmp_path, server)
    life.apply()
    assert life.terraform.outputs()["account"] == "000000000000"
    life.change()
    (key,) = server.client("iam").list_access_keys(UserName="operator")["AccessKeyMetadata"]
    assert key["Status"] == "Inactive"
    life.destroy()


def test_events(installed: Installed, server: Running, tmp_path: Path) -> None:
    """Functions, buckets, objects, notifications, state machines, buses, rules, targets and logs."""
    life = Life(installed, "events", tmp_path, server)
    life.terraform.variables["package"] = package(tmp_path)
    life.apply()
    answer = server.client("lambda").invoke(FunctionName="greeter", Payload=b"{}")
    assert json.load(answer["Payload"]) == "hello"
    life.change()
    assert life.terraform.outputs()["version"] == "2"
    life.destroy()


def test_serving(installed: Installed, server: Running, tmp_path: Path) -> None:
    """Models, endpoint configurations, package groups, and an endpoint that serves while it is updated."""
    life = Life(installed, "serving", tmp_path, server)
    images = server.data / "images.toml"
    images.write_text(f'[images."{IMAGE}"]\npython = "3.11"\nrequirements = ["joblib==1.4.2", "boto3"]\n')
    built = server.stepwell("images", "--build", IMAGE)
    assert built.returncode == 0, built.stderr
    archives = []
    for name in ("one", "two"):
        path = tmp_path / f"{name}.tar.gz"
        path.write_bytes(tarred({"code/inference.py": SERVING, "name.txt": name}))
        archives.append(str(path))
    life.terraform.variables |= {"image": IMAGE, "archives": json.dumps(archives)}
    life.apply()
    runtime = server.client("sagemaker-runtime")

    def asked() -> str:
        body = runtime.invoke_endpoint(EndpointName="greeter", ContentType="text/plain", Body=b"-")["Body"]
        return str(body.read().decode())

    assert asked() == "one"
    answers, over = set(), threading.Event()

    def ask() -> None:
        while not over.wait(0.05):
            answers.add(asked())

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        life.change()
    finally:
        over.set()
        asking.join()
    assert answers == {"one", "two"}
    assert asked() == "two"
    life.destroy()


def test_systems(installed: Installed, server: Running, tmp_path: Path) -> None:
    """Maintenance windows with their targets and tasks, documents, associations and parameters."""
    life = Life(installed, "systems", tmp_path, server)
    rows = server.client("ssm").describe_instance_information()["InstanceInformationList"]
    life.terraform.variables |= {"machine": rows[0]["InstanceId"], "package": package(tmp_path)}
    life.apply()
    life.change()
    assert life.terraform.outputs()["plain"] == "step 2"
    life.destroy()


def document(*statements: Mapping[str, Any]) -> str:
    """A policy of those statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def test_a_user_with_narrow_rights(installed: Installed, server: Running, tmp_path: Path) -> None:
    """What a user may not do fails with AWS's message; with that right the same folder goes on to its end."""
    iam = server.client("iam")
    iam.create_user(UserName="deployer")
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    own = [
        {"Effect": "Allow", "Action": "iam:*", "Resource": "arn:aws:iam::*:role/narrow-*"},
        {"Effect": "Allow", "Action": "lambda:*", "Resource": "arn:aws:lambda:*:*:function:narrow-*"},
        {"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::narrow-*"]},
        {"Effect": "Allow", "Action": "states:*", "Resource": "arn:aws:states:*:*:stateMachine:narrow-*"},
        {"Effect": "Allow", "Action": "states:ValidateStateMachineDefinition", "Resource": "*"},
        {"Effect": "Allow", "Action": "ssm:*", "Resource": "arn:aws:ssm:*:*:parameter/narrow/*"},
        {"Effect": "Allow", "Action": "ssm:DescribeParameters", "Resource": "*"},
    ]
    passing = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"}
    iam.put_user_policy(UserName="deployer", PolicyName="rights", PolicyDocument=document(*own, passing))
    life = Life(installed, "narrow", tmp_path, server, "unpointed.tf")
    terraform = life.terraform
    terraform.environment["AWS_ENDPOINT_URL"] = server.url
    terraform.variables["package"] = package(tmp_path)
    terraform.signing(key["AccessKeyId"], key["SecretAccessKey"])
    failed = terraform.run("apply", "-auto-approve", "-input=false", "-no-color")
    assert failed.returncode == 1
    said = " ".join(failed.stderr.replace("│", " ").split())
    user = "arn:aws:iam::000000000000:user/deployer"
    role = "arn:aws:iam::000000000000:role/narrow-worker"
    assert f"User: {user} is not authorized to perform: iam:PassRole on resource: {role}" in said
    iam.put_user_policy(UserName="deployer", PolicyName="rights", PolicyDocument=document(*own))
    planned = terraform.apply()
    assert planned["create"] == {"aws_lambda_function.worker", "aws_sfn_state_machine.worker"}
    terraform.unchanged()
    life.destroy()
