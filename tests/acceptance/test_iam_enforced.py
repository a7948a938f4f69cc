"""Policies bind everybody: users' sessions, functions, jobs, state machines, S3."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from functions import history, machine, messages, packed, start
from jobs import Work
from running import Running, allow, ended, role, until

ACCOUNT = "000000000000"
#: starts a training job on the object that S3 tells of, as the upload's function of the reference program
STARTER = """
import json, os, boto3

def handler(event, context):
    record = event["Records"][0]["s3"]
    source = f"s3://{record['bucket']['name']}/{record['object']['key']}"
    request = json.loads(os.environ["REQUEST"])
    request["InputDataConfig"] = [{
        "ChannelName": "train",
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": source}},
    }]
    return boto3.client("sagemaker").create_training_job(**request)["TrainingJobArn"]
"""
TRAINER = """
import os, pathlib
rows = sum(len(p.read_text().splitlines()) for p in pathlib.Path("/opt/ml/input/data/train").iterdir())
pathlib.Path("/opt/ml/model/rows.txt").write_text(str(rows))
print("rows", rows)
"""


def rights(running: Running, name: str, *statements: dict[str, Any]) -> None:
    """Give a role exactly these statements."""
    running.client("iam").put_role_policy(
        RoleName=name,
        PolicyName="rights",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}),
    )


def session(running: Running, name: str, *statements: dict[str, Any], **limits: Any) -> dict[str, str]:
    """boto3's settings for a session of a new role that the account trusts."""
    iam, sts = running.client("iam"), running.client("sts")
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }
    arn = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    if statements:
        rights(running, name, *statements)
    given = sts.assume_role(RoleArn=arn, RoleSessionName="ann", **limits)["Credentials"]
    return {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }


def refused(call: Any, **params: Any) -> tuple[str, int, str]:
    """Code, status and message of a call that fails."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


def denial(name: str, action: str, resource: str, who: str = "ann") -> str:
    return (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{who} is not authorized to perform: {action} on "
        f"resource: {resource} because no identity-based policy allows the {action} action"
    )


def test_every_protocol_spells_a_denial_as_awss_services_do(server: Running) -> None:
    keys = session(server, "nobody")
    arn = f"arn:aws:%s:us-east-1:{ACCOUNT}:"
    machine_arn, function = arn % "states" + "stateMachine:m", arn % "lambda" + "function:f"
    for call, code, status, action, resource in (
        (
            lambda: server.client("stepfunctions", **keys).start_execution(stateMachineArn=machine_arn),
            *("AccessDeniedException", 400, "states:StartExecution", machine_arn),
        ),
        (
            lambda: server.client("lambda", **keys).invoke(FunctionName="f"),
            *("AccessDeniedException", 403, "lambda:InvokeFunction", function),
        ),
        (
            lambda: server.client("iam", **keys).get_role(RoleName="nobody"),
            *("AccessDenied", 403, "iam:GetRole", f"arn:aws:iam::{ACCOUNT}:role/nobody"),
        ),
        (
            lambda: server.client("s3", **keys).get_object(Bucket="b", Key="k/l"),
            *("AccessDenied", 403, "s3:GetObject", '"arn:aws:s3:::b/k/l"'),
        ),
        (
            lambda: server.client("sagemaker", **keys).describe_training_job(TrainingJobName="J"),
            *("AccessDeniedException", 400, "sagemaker:DescribeTrainingJob"),
            arn % "sagemaker" + "training-job/j",
        ),
        (
            lambda: server.client("sagemaker-runtime", **keys).invoke_endpoint(EndpointName="e", Body=b""),
            *("AccessDeniedException", 403, "sagemaker:InvokeEndpoint", arn % "sagemaker" + "endpoint/e"),
        ),
    ):
        assert refused(call) == (code, status, denial("nobody", action, resource))
    assert server.client("sts", **keys).get_caller_identity()["Account"] == ACCOUNT


def test_who_may_not_list_is_not_told_which_keys_are_absent(server: Running) -> None:
    server.client("s3").create_bucket(Bucket="told")
    reader = server.client("s3", **session(server, "reader", allow("s3:GetObject", "arn:aws:s3:::told/*")))
    code, status, message = refused(reader.get_object, Bucket="told", Key="absent")
    assert (code, status) == ("AccessDenied", 403)
    assert message == denial("reader", "s3:ListBucket", '"arn:aws:s3:::told"')
    assert refused(reader.head_object, Bucket="told", Key="absent")[1] == 403
    rights(
        server,
        "reader",
        allow("s3:GetObject", "arn:aws:s3:::told/*"),
        allow("s3:ListBucket", "arn:aws:s3:::told"),
    )
    assert refused(reader.get_object, Bucket="told", Key="absent")[0] == "NoSuchKey"
    assert refused(reader.head_object, Bucket="told", Key="absent")[1] == 404


def test_of_many_objects_those_are_deleted_that_may_be(server: Running) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="partly")
    for key in ("mine/a", "theirs/b"):
        s3.put_object(Bucket="partly", Key=key)
    mine = server.client(
        "s3", **session(server, "mine", allow("s3:DeleteObject", "arn:aws:s3:::partly/mine/*"))
    )
    answer = mine.delete_objects(
        Bucket="partly", Delete={"Objects": [{"Key": "mine/a"}, {"Key": "theirs/b"}]}
    )
    assert [each["Key"] for each in answer["Deleted"]] == ["mine/a"]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [("theirs/b", "AccessDenied")]
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="partly")["Contents"]] == ["theirs/b"]


def test_a_session_policy_and_a_boundary_limit_a_role_that_may_everything(server: Running) -> None:
    listing = json.dumps({"Version": "2012-10-17", "Statement": allow("s3:ListAllMyBuckets", "*")})
    limited = session(server, "limited", allow("*", "*"), Policy=listing)
    assert "Buckets" in server.client("s3", **limited).list_buckets()
    text = refused(server.client("lambda", **limited).list_functions)[2]
    assert text.endswith("because no session policy allows the lambda:ListFunctions action")
    iam = server.client("iam")
    boundary = iam.create_policy(PolicyName="lists", PolicyDocument=listing)["Policy"]["Arn"]
    bounded = session(server, "bounded", allow("*", "*"))
    iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=boundary)
    assert "Buckets" in server.client("s3", **bounded).list_buckets()
    text = refused(server.client("lambda", **bounded).list_functions)[2]
    assert text.endswith("because no permissions boundary allows the lambda:ListFunctions action")


def test_tags_of_session_and_resource_decide(server: Running) -> None:
    """The attribute-based example of the IAM guide: a session works on what bears its own tag."""
    states = server.client("stepfunctions")
    made = {
        team: machine(server, f"of-{team}", {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
        for team in ("red", "blue")
    }
    for team, arn in made.items():
        states.tag_resource(resourceArn=arn, tags=[{"key": "team", "value": team}])
    same = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    keys = session(
        server,
        "by-team",
        allow("states:StartExecution", "*", **same),
        Tags=[{"Key": "team", "Value": "red"}],
    )
    own = server.client("stepfunctions", **keys)
    assert own.start_execution(stateMachineArn=made["red"])
    assert refused(own.start_execution, stateMachineArn=made["blue"])[0] == "AccessDeniedException"


def test_a_buckets_policy_denies_and_allows(server: Running) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="guarded")
    s3.put_object(Bucket="guarded", Key="open/k", Body=b"1")
    s3.put_object(Bucket="guarded", Key="shut/k", Body=b"2")
    keys = session(server, "guest", allow("s3:GetObject", "arn:aws:s3:::guarded/shut/*"))
    guest = server.client("s3", **keys)
    arn = "arn:aws:s3:::guarded/"
    principal = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/guest"}}
    statements = [
        {**allow("s3:GetObject", f"{arn}open/*"), **principal},
        {**allow("s3:GetObject", f"{arn}shut/*"), **principal, "Effect": "Deny"},
    ]
    s3.put_bucket_policy(
        Bucket="guarded", Policy=json.dumps({"Version": "2012-10-17", "Statement": statements})
    )
    assert guest.get_object(Bucket="guarded", Key="open/k")["Body"].read() == b"1"
    assert (
        "with an explicit deny in a resource-based policy"
        in refused(guest.get_object, Bucket="guarded", Key="shut/k")[2]
    )


def test_an_objects_tags_decide_who_reads_it_and_what_may_be_written(server: Running) -> None:
    """The S3 guide's examples of s3:ExistingObjectTag and s3:RequestObjectTag."""
    s3 = server.client("s3")
    s3.create_bucket(Bucket="tagged")
    s3.put_object(Bucket="tagged", Key="open", Tagging="access=open")
    s3.put_object(Bucket="tagged", Key="shut", Tagging="access=shut")
    objects = "arn:aws:s3:::tagged/*"
    keys = session(
        server,
        "by-object-tag",
        allow("s3:GetObject", objects, StringEquals={"s3:ExistingObjectTag/access": "open"}),
        allow(
            ["s3:PutObject", "s3:PutObjectTagging"],
            objects,
            StringEquals={"s3:RequestObjectTag/access": "open"},
        ),
    )
    own = server.client("s3", **keys)
    assert own.get_object(Bucket="tagged", Key="open")["TagCount"] == 1
    assert refused(own.get_object, Bucket="tagged", Key="shut")[0] == "AccessDenied"
    own.put_object(Bucket="tagged", Key="new", Tagging="access=open")
    assert refused(own.put_object, Bucket="tagged", Key="new", Tagging="access=shut")[0] == "AccessDenied"
    assert refused(own.put_object, Bucket="tagged", Key="new")[0] == "AccessDenied"
    tags = {"TagSet": [{"Key": "access", "Value": "shut"}]}
    assert refused(own.put_object_tagging, Bucket="tagged", Key="open", Tagging=tags)[0] == "AccessDenied"


def test_who_hands_a_role_over_needs_pass_role_for_that_service(server: Running) -> None:
    given = role(server, "handed", "states.amazonaws.com")
    create = allow("states:CreateStateMachine", "*")
    definition = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    request = {"name": "passed", "roleArn": given, "definition": definition}
    maker = server.client("stepfunctions", **session(server, "maker", create))
    assert refused(maker.create_state_machine, **request) == (
        "AccessDeniedException",
        400,
        denial("maker", "iam:PassRole", given),
    )
    other = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    rights(server, "maker", create, allow("iam:PassRole", given, **other))
    assert refused(maker.create_state_machine, **request)[0] == "AccessDeniedException"
    right = {"StringEquals": {"iam:PassedToService": "states.amazonaws.com"}}
    rights(server, "maker", create, allow("iam:PassRole", given, **right))
    assert maker.create_state_machine(**request)["stateMachineArn"]


def test_a_sync_machine_needs_the_rights_on_its_managed_rule(server: Running) -> None:
    states = server.client("stepfunctions")
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:inner"},
        "End": True,
    }
    arn = role(server, "ruleless", "states.amazonaws.com", allow("states:*", "*"))
    request = {
        "name": "ruleless",
        "roleArn": arn,
        "definition": json.dumps({"StartAt": "T", "States": {"T": task}}),
    }
    refusal = ("AccessDeniedException", 400, f"'{arn}' is not authorized to create managed-rule.")
    assert refused(states.create_state_machine, **request) == refusal
    rule = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
    needed = allow(["events:PutTargets", "events:PutRule", "events:DescribeRule"], rule)
    rights(server, "ruleless", allow("states:*", "*"), needed)
    created = states.create_state_machine(**request)["stateMachineArn"]
    rights(server, "ruleless", allow("states:*", "*"))
    changed = {"definition": request["definition"]}
    assert refused(states.update_state_machine, stateMachineArn=created, **changed) == refusal
    pause = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    states.update_state_machine(stateMachineArn=created, definition=json.dumps(pause))


def test_a_task_without_the_right_fails_with_awss_error_and_says_what_to_add(server: Running) -> None:
    states = server.client("stepfunctions")
    execution_role = role(server, "armless", "states.amazonaws.com")
    resource = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:absent"
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": resource},
        "End": True,
    }
    arn = states.create_state_machine(
        name="armless",
        roleArn=execution_role,
        definition=json.dumps({"StartAt": "T", "States": {"T": task}}),
    )["stateMachineArn"]
    execution = start(server, arn, {})
    found = ended(server, execution)
    who = history(server, execution)
    assert (found["status"], found["error"]) == ("FAILED", "Lambda.AWSLambdaException")
    assert f"is not authorized to perform: lambda:InvokeFunction on resource: {resource}" in found["cause"]
    assert "Status Code: 403; Error Code: AccessDeniedException" in found["cause"]
    assert [event["type"] for event in who if "Failed" in event["type"]] == ["TaskFailed", "ExecutionFailed"]
    shown = server.stepwell("history", execution.rpartition(":")[2]).stdout.splitlines()
    assert shown[-1] == (
        f"role armless lacks lambda:InvokeFunction on {resource}: add "
        f'{{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "{resource}"}} '
        "to a policy of role armless"
    )


def test_s3_invokes_a_function_only_as_its_policy_says(server: Running) -> None:
    client, s3 = server.client("lambda"), server.client("s3")
    function = client.create_function(
        FunctionName="guarded",
        Runtime="python3.12",
        Handler="main.handler",
        Role=role(server, "guarded-function", "lambda.amazonaws.com"),
        Code={"ZipFile": packed("def handler(event, context):\n    print('heard')\n")},
    )["FunctionArn"]
    s3.create_bucket(Bucket="loud")
    asked = {
        "Bucket": "loud",
        "NotificationConfiguration": {
            "LambdaFunctionConfigurations": [
                {"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]},
            ]
        },
    }
    assert refused(s3.put_bucket_notification_configuration, **asked)[:2] == ("InvalidArgument", 400)
    other = {"FunctionName": "guarded", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    client.add_permission(**other, StatementId="other", SourceArn="arn:aws:s3:::quiet")
    assert refused(s3.put_bucket_notification_configuration, **asked)[0] == "InvalidArgument"
    client.add_permission(**other, StatementId="own", SourceArn="arn:aws:s3:::loud", SourceAccount=ACCOUNT)
    s3.put_bucket_notification_configuration(**asked)
    client.remove_permission(FunctionName="guarded", StatementId="own")
    s3.put_object(Bucket="loud", Key="k")
    lost = "User: s3.amazonaws.com is not authorized to perform: lambda:InvokeFunction"
    until(lambda: lost in server.log(), 10)


def test_a_function_whose_role_may_not_log_runs_without_logs(server: Running) -> None:
    client = server.client("lambda")
    client.create_function(
        FunctionName="mute",
        Runtime="python3.12",
        Handler="main.handler",
        Role=role(server, "mute-function", "lambda.amazonaws.com"),
        Code={"ZipFile": packed("def handler(event, context):\n    print('heard')\n    return 1\n")},
    )
    client.get_waiter("function_active_v2").wait(FunctionName="mute")
    group = "/aws/lambda/mute"
    assert client.invoke(FunctionName="mute")["Payload"].read() == b"1"
    logs = server.client("logs")
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []
    rights(
        server,
        "mute-function",
        allow(
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}:*",
        ),
    )
    assert client.invoke(FunctionName="mute")["Payload"].read() == b"1"
    assert "heard" in until(lambda: messages(server, group), 5)


class Upload:
    """An upload starts a function, which starts a training job: each with the least rights that do it."""

    def __init__(self, server: Running) -> None:
        self.server, self.work = server, Work(server, "least")
        self.rights: dict[str, list[dict[str, Any]]] = {
            "least-job": [
                allow("s3:GetObject", ["arn:aws:s3:::least/code/*", "arn:aws:s3:::least/data/*"]),
                allow("s3:PutObject", "arn:aws:s3:::least/models/*"),
                allow("s3:ListBucket", "arn:aws:s3:::least", StringLike={"s3:prefix": "data/*"}),
                allow(
                    ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
                    f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/sagemaker/TrainingJobs:*",
                ),
            ],
            "least-function": [
                allow(
                    "sagemaker:CreateTrainingJob",
                    f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-job/least*",
                ),
                allow(
                    "iam:PassRole",
                    f"arn:aws:iam::{ACCOUNT}:role/least-job",
                    StringEquals={"iam:PassedToService": "sagemaker.amazonaws.com"},
                ),
            ],
        }
        role(server, "least-function", "lambda.amazonaws.com")
        self.restore()
        self.client = server.client("lambda")
        self.function = self.client.create_function(
            FunctionName="least",
            Runtime="python3.12",
            Handler="main.handler",
            Timeout=60,
            Role=f"arn:aws:iam::{ACCOUNT}:role/least-function",
            Code={"ZipFile": packed(STARTER)},
        )["FunctionArn"]
        self.client.get_waiter("function_active_v2").wait(FunctionName="least")

    def restore(self) -> None:
        for name, statements in self.rights.items():
            rights(self.server, name, *statements)

    def without(self, name: str, action: str) -> None:
        """Take one right away from a role."""
        left = [each for each in self.rights[name] if action not in each["Action"]]
        rights(self.server, name, *left)

    def starting(self, name: str) -> dict[str, Any]:
        """What the function answers to an upload for which it starts the job `name`."""
        request = self.work.training(name, TRAINER)
        self.client.update_function_configuration(
            FunctionName="least", Environment={"Variables": {"REQUEST": json.dumps(request)}}
        )
        self.client.get_waiter("function_updated_v2").wait(FunctionName="least")
        key = f"data/{name}.csv"
        self.work.s3.put_object(Bucket="least", Key=key, Body=b"1\n2\n3\n")
        event = {"Records": [{"s3": {"bucket": {"name": "least"}, "object": {"key": key}}}]}
        answer = self.client.invoke(FunctionName="least", Payload=json.dumps(event))
        found: dict[str, Any] = {"failed": "FunctionError" in answer, "told": json.load(answer["Payload"])}
        return found


@pytest.fixture(scope="module")
def upload(server: Running) -> Upload:
    return Upload(server)


def test_an_upload_trains_with_the_least_rights(upload: Upload) -> None:
    assert not upload.starting("least-whole")["failed"]
    found = upload.work.trained("least-whole")
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    assert "rows 3" in "".join(messages(upload.server, "/aws/sagemaker/TrainingJobs"))


@pytest.mark.parametrize("action", ["sagemaker:CreateTrainingJob", "iam:PassRole"])
def test_without_a_right_the_function_fails_with_awss_message(upload: Upload, action: str) -> None:
    upload.without("least-function", action)
    answer = upload.starting(f"least-{action.rpartition(':')[2].lower()}")
    upload.restore()
    assert answer["failed"]
    assert answer["told"]["errorType"] == "ClientError"
    who = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/least-function/least"
    assert f"{who} is not authorized to perform: {action} on resource:" in answer["told"]["errorMessage"]


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject", "s3:ListBucket"])
def test_without_a_right_the_job_fails_with_awss_message(upload: Upload, action: str) -> None:
    name = f"least-{action.rpartition(':')[2].lower()}"
    upload.without("least-job", action)
    assert not upload.starting(name)["failed"]
    found = upload.work.trained(name)
    upload.restore()
    assert found["TrainingJobStatus"] == "Failed"
    assert (
        f"assumed-role/least-job/SageMaker is not authorized to perform: {action}" in found["FailureReason"]
    )


def test_report_mode_logs_what_it_lets_through(tmp_path: Any) -> None:
    running = Running(tmp_path / "data")
    running.start("--iam", "report")
    try:
        keys = session(running, "nobody")
        assert "Functions" in running.client("lambda", **keys).list_functions()
        said = running.log()
    finally:
        running.stop()
    assert f"would be denied: {denial('nobody', 'lambda:ListFunctions', '*')} (role nobody lacks" in said


def test_a_task_with_credentials_acts_as_the_role_it_may_assume(server: Running) -> None:
    """AWS's guide to `Credentials`: the machine's role may assume the task's, which trusts it."""
    machine_role = role(server, "assuming", "states.amazonaws.com")
    iam = server.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": machine_role}, "Action": "sts:AssumeRole"}
    task_role = iam.create_role(
        RoleName="assumed",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    rights(server, "assumed", allow("s3:ListAllMyBuckets", "*"))
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:listBuckets",
        "Parameters": {},
        "Credentials": {"RoleArn": task_role},
        "End": True,
    }
    arn = server.client("stepfunctions").create_state_machine(
        name="assuming",
        roleArn=machine_role,
        definition=json.dumps({"StartAt": "T", "States": {"T": task}}),
    )["stateMachineArn"]
    assert ended(server, start(server, arn, {}))["status"] == "SUCCEEDED"
    stranger = {**trust, "Principal": {"Service": "states.amazonaws.com"}}
    iam.update_assume_role_policy(
        RoleName="assumed", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [stranger]})
    )
    found = ended(server, start(server, arn, {}))
    assert (found["status"], found["error"]) == ("FAILED", "States.TaskFailed")
    assert f"is not authorized to assume the task state's role, {task_role}." in found["cause"]


def test_no_state_reaches_what_the_server_has_beside_aws(server: Running) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:stepwell:getStatus",
        "Parameters": {},
        "End": True,
    }
    made = role(server, "almighty", "states.amazonaws.com", allow("*", "*"))
    with pytest.raises(ClientError, match="does not support the operation GetStatus of stepwell"):
        server.client("stepfunctions").create_state_machine(
            name="beside", roleArn=made, definition=json.dumps({"StartAt": "T", "States": {"T": task}})
        )


def test_a_trust_policys_conditions_hold_for_services(server: Running) -> None:
    """The confused-deputy example: only for this account's machine of that name."""
    iam, states = server.client("iam"), server.client("stepfunctions")
    machines = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:"
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "states.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"{machines}trusted-*"},
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
        },
    }
    arn = iam.create_role(
        RoleName="for-trusted",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    request = {
        "roleArn": arn,
        "definition": json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}),
    }
    code, _, message = refused(states.create_state_machine, name="another", **request)
    assert (code, "to assume the provided role" in message) == ("AccessDeniedException", True)
    assert states.create_state_machine(name="trusted-one", **request)["stateMachineArn"]
