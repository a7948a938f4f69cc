"""Resource types on a real server: up, up again without a change, an update, a replacement, destroy."""

from __future__ import annotations

import json

import pytest
from declaring import Program, code
from jobs import IMAGE, Work
from running import Running

pytestmark = pytest.mark.timeout(180)

BUCKET = """
bucket = aws.s3.Bucket("bucket", bucket=NAME, force_destroy=True, tags={"team": "a"})
aws.s3.BucketVersioning("versioning", bucket=bucket.id, versioning_configuration={"status": STATUS})
aws.s3.BucketPublicAccessBlock("block", bucket=bucket.id, block_public_acls=True, block_public_policy=True)
owner = aws.s3.BucketOwnershipControls("owner", bucket=bucket.id, rule={"object_ownership": "ObjectWriter"})
aws.s3.BucketAcl("acl", bucket=bucket.id, acl="private", opts=pulumi.ResourceOptions(depends_on=[owner]))
aws.s3.BucketServerSideEncryptionConfiguration(
    "encryption", bucket=bucket.id,
    rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
)
aws.s3.BucketPolicy("policy", bucket=bucket.id, policy=bucket.arn.apply(lambda arn: policy(
    {"Effect": "Deny", "Principal": "*", "Action": ACTION, "Resource": f"{arn}/kept/*"}
)))
aws.s3.BucketLifecycleConfiguration("lifecycle", bucket=bucket.id, rules=[
    {"id": "a", "status": "Enabled", "filter": {"prefix": "logs/"}, "expiration": {"days": 30}},
])
aws.s3.BucketCorsConfiguration("cors", bucket=bucket.id, cors_rules=[
    {"allowed_methods": ["GET"], "allowed_origins": ["*"]},
])
aws.s3.BucketObjectv2("object", bucket=bucket.id, key="a/b", content="text")
pulumi.export("found", aws.s3.get_bucket_output(bucket=bucket.id).arn)
"""


def test_s3_types(program: Program, server: Running) -> None:
    """A bucket with all that is set on it; another name replaces all of it."""
    s3 = server.client("s3")

    def source(name: str, status: str, action: str) -> str:
        return f"NAME, STATUS, ACTION = {name!r}, {status!r}, {action!r}\n{BUCKET}"

    made = program.settled(source("types-one", "Enabled", "s3:DeleteObject"))
    assert made["counts"] == {"create": 10}
    assert made["outputs"] == {"found": "arn:aws:s3:::types-one"}
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket="types-one")["Rules"]
    assert (rule["Filter"], rule["Expiration"]) == ({"Prefix": "logs/"}, {"Days": 30})
    assert s3.get_bucket_versioning(Bucket="types-one")["Status"] == "Enabled"
    assert json.loads(s3.get_bucket_policy(Bucket="types-one")["Policy"])["Statement"][0]["Effect"] == "Deny"
    blocked = s3.get_public_access_block(Bucket="types-one")["PublicAccessBlockConfiguration"]
    assert blocked == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": False,
        "RestrictPublicBuckets": False,
    }

    changed = program.settled(source("types-one", "Suspended", "s3:PutObject"))
    assert changed["counts"] == {"same": 8, "update": 2}
    assert s3.get_bucket_versioning(Bucket="types-one")["Status"] == "Suspended"

    moved = program.settled(source("types-two", "Suspended", "s3:PutObject"))
    assert moved["counts"]["replace"] >= 10
    assert code(s3.head_bucket, Bucket="types-one") == "404"
    assert s3.get_object(Bucket="types-two", Key="a/b")["Body"].read() == b"text"

    program.destroy()
    assert code(s3.head_bucket, Bucket="types-two") == "404"


PEOPLE = """
user = aws.iam.User("user", name=USER, tags={"team": "a"}, force_destroy=True)
group = aws.iam.Group("group", path=PATH)
key = aws.iam.AccessKey("key", user=user.name, status=STATUS)
aws.iam.UserGroupMembership("membership", user=user.name, groups=[group.name])
look = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
aws.iam.UserPolicy("inline", user=user.name, policy=policy(look))
aws.iam.GroupPolicy("shared", group=group.name, policy=policy(look))
managed = aws.iam.Policy("managed", policy=policy(look))
aws.iam.UserPolicyAttachment("attached", user=user.name, policy_arn=managed.arn)
role = aws.iam.Role("role", assume_role_policy=trust("ec2.amazonaws.com"))
aws.iam.PolicyAttachment("everywhere", policy_arn=managed.arn, roles=[role.name], groups=[group.name],
                         users=[user.name])
profile = aws.iam.InstanceProfile("profile", role=role.name)
pulumi.export("key", key.id)
pulumi.export("secret", key.secret)
pulumi.export("user", user.id)
pulumi.export("role", aws.iam.get_role_output(name=role.name).arn)
"""


def test_iam_types(program: Program, server: Running) -> None:
    """A user's key opens the server; a rename keeps the user and replaces what names it."""
    iam = server.client("iam")

    def source(user: str, path: str, status: str) -> str:
        return f"USER, PATH, STATUS = {user!r}, {path!r}, {status!r}\n{PEOPLE}"

    made = program.settled(source("types-ann", "/", "Active"))
    assert made["counts"] == {"create": 11}
    told = made["outputs"]
    keys = {"aws_access_key_id": told["key"], "aws_secret_access_key": told["secret"]}
    assert server.client("sts", **keys).get_caller_identity()["Arn"].endswith(":user/types-ann")
    assert server.client("s3", **keys).list_buckets()["Buckets"] is not None
    unique = iam.get_user(UserName="types-ann")["User"]["UserId"]

    changed = program.settled(source("types-ann", "/team/", "Inactive"))
    assert changed["counts"] == {"same": 9, "update": 2}
    assert changed["outputs"]["secret"] == told["secret"]
    (metadata,) = iam.list_access_keys(UserName="types-ann")["AccessKeyMetadata"]
    assert metadata["Status"] == "Inactive"

    renamed = program.settled(source("types-bob", "/team/", "Inactive"))
    assert renamed["outputs"]["user"] == "types-bob"
    assert renamed["outputs"]["key"] != told["key"]
    assert iam.get_user(UserName="types-bob")["User"]["UserId"] == unique
    (metadata,) = iam.list_access_keys(UserName="types-bob")["AccessKeyMetadata"]
    assert metadata["AccessKeyId"] == renamed["outputs"]["key"]
    assert code(iam.get_user, UserName="types-ann") == "NoSuchEntity"

    program.destroy()
    assert code(iam.get_user, UserName="types-bob") == "NoSuchEntity"
    assert not iam.list_groups()["Groups"]
    assert not iam.list_instance_profiles()["InstanceProfiles"]


EVENTS = """
bus = aws.cloudwatch.EventBus("bus", name=BUS, description=TEXT)
group = aws.cloudwatch.LogGroup("group", name="/aws/events/types")
stream = aws.cloudwatch.LogStream("stream", log_group_name=group.name)
rule = aws.cloudwatch.EventRule("rule", event_bus_name=bus.name, state=STATE,
                                event_pattern=json.dumps({"source": ["types"]}))
aws.cloudwatch.EventTarget("target", rule=rule.name, event_bus_name=bus.name, arn=group.arn,
                           retry_policy={"maximum_retry_attempts": 2, "maximum_event_age_in_seconds": 60})
timed = aws.cloudwatch.EventRule("timed", schedule_expression="rate(1 day)", tags={"a": "1"})
aws.cloudwatch.EventTarget("timed", rule=timed.name, arn=group.arn, input=json.dumps({"a": TEXT}))
aws.cloudwatch.EventPermission("permission", event_bus_name=bus.name, statement_id="one", principal="*",
                               condition={"type": "StringEquals", "key": "aws:PrincipalOrgID",
                                          "value": "o-1"})
pulumi.export("rule", rule.arn)
pulumi.export("found", aws.cloudwatch.get_event_bus_output(name=bus.name).arn)
"""


def test_events_types(program: Program, server: Running) -> None:
    """Rules with their targets on two buses; another bus replaces all that is on it."""
    events = server.client("events")

    def source(bus: str, text: str, state: str) -> str:
        return f"BUS, TEXT, STATE = {bus!r}, {text!r}, {state!r}\n{EVENTS}"

    made = program.settled(source("types-one", "first", "ENABLED"))
    assert made["counts"] == {"create": 8}
    assert made["outputs"]["found"] == events.describe_event_bus(Name="types-one")["Arn"]
    name = made["outputs"]["rule"].rsplit("/", 1)[-1]
    (target,) = events.list_targets_by_rule(EventBusName="types-one", Rule=name)["Targets"]
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 60}

    changed = program.settled(source("types-one", "second", "DISABLED"))
    assert changed["counts"] == {"same": 5, "update": 3}
    assert events.describe_rule(EventBusName="types-one", Name=name)["State"] == "DISABLED"

    moved = program.settled(source("types-two", "second", "DISABLED"))
    assert moved["counts"]["replace"] >= 4
    assert [bus["Name"] for bus in events.list_event_buses(NamePrefix="types-")["EventBuses"]] == [
        "types-two"
    ]

    program.destroy()
    assert events.list_event_buses(NamePrefix="types-")["EventBuses"] == []
    assert not [r for r in events.list_rules()["Rules"] if r["Name"].startswith("timed")]


WINDOWS = """
role = aws.iam.Role("role", assume_role_policy=trust("ssm.amazonaws.com"))
content = json.dumps({
    "schemaVersion": "2.2",
    "description": TEXT,
    "parameters": {"word": {"type": "String", "default": "hello"}},
    "mainSteps": [{"action": "aws:runShellScript", "name": "say",
                   "inputs": {"runCommand": ["echo {{ word }}"]}}],
})
document = aws.ssm.Document("document", document_type="Command", content=content, tags={"a": "1"})
window = aws.ssm.MaintenanceWindow("window", schedule="cron(0 4 ? * SUN *)", duration=3, cutoff=CUTOFF,
                                   schedule_timezone="Europe/Berlin", enabled=False)
target = aws.ssm.MaintenanceWindowTarget("target", window_id=window.id, resource_type="INSTANCE",
                                         targets=[{"key": "tag:team", "values": ["ml"]}], description=TEXT)
aws.ssm.MaintenanceWindowTask(
    "task", window_id=window.id, task_type="RUN_COMMAND", task_arn=document.name, priority=1,
    service_role_arn=role.arn, max_concurrency="1", max_errors="0",
    targets=[{"key": "WindowTargetIds", "values": [target.id]}],
    task_invocation_parameters={"run_command_parameters": {
        "timeout_seconds": 60, "parameters": [{"name": "word", "values": [TEXT]}],
    }},
)
plain = aws.ssm.Parameter("plain", name=NAME, type="String", value=TEXT, description="d")
secure = aws.ssm.Parameter("secure", type="SecureString", value="not-" + TEXT)
pulumi.export("window", window.id)
pulumi.export("version", document.default_version)
pulumi.export("plain", aws.ssm.get_parameter_output(name=plain.name).value)
pulumi.export("secure", secure.value)
"""


def test_ssm_types(program: Program, server: Running) -> None:
    """A window with its target and task, a document and parameters; ids stay while things change."""
    ssm = server.client("ssm")

    def source(text: str, cutoff: int, name: str) -> str:
        return f"TEXT, CUTOFF, NAME = {text!r}, {cutoff!r}, {name!r}\n{WINDOWS}"

    made = program.settled(source("first", 1, "/types/one"))
    assert made["counts"] == {"create": 7}
    told = made["outputs"]
    assert (told["version"], told["plain"], told["secure"]) == ("1", "first", "not-first")
    window = ssm.get_maintenance_window(WindowId=told["window"])
    assert (window["Enabled"], window["Cutoff"], window["ScheduleTimezone"]) == (False, 1, "Europe/Berlin")

    changed = program.settled(source("second", 2, "/types/one"))
    assert changed["counts"] == {"same": 1, "update": 6}
    told = changed["outputs"]
    assert told["window"] == window["WindowId"]
    assert (told["version"], told["plain"], told["secure"]) == ("2", "second", "not-second")
    (task,) = ssm.describe_maintenance_window_tasks(WindowId=told["window"])["Tasks"]
    whole = ssm.get_maintenance_window_task(WindowId=told["window"], WindowTaskId=task["WindowTaskId"])
    assert whole["TaskInvocationParameters"]["RunCommand"]["Parameters"] == {"word": ["second"]}

    moved = program.settled(source("second", 2, "/types/two"))
    assert moved["counts"] == {"same": 6, "replace": 1}
    assert code(ssm.get_parameter, Name="/types/one") == "ParameterNotFound"

    program.destroy()
    assert code(ssm.get_maintenance_window, WindowId=told["window"]) == "DoesNotExistException"
    assert code(ssm.get_parameter, Name="/types/two") == "ParameterNotFound"


TRAINING = """
aws.sagemaker.TrainingJob(
    "job", training_job_name=NAME, role_arn=ROLE, tags={"a": TAG},
    algorithm_specification={"training_image": IMAGE, "training_input_mode": "File"},
    hyper_parameters={"sagemaker_program": "train.py", "sagemaker_submit_directory": CODE},
    output_data_config={"s3_output_path": OUTPUT},
    resource_config={"instance_type": "ml.m5.large", "instance_count": 1, "volume_size_in_gb": 1},
    stopping_condition={"max_runtime_in_seconds": 60},
)
"""
SCRIPT = """
import os, pathlib
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text("42")
"""


def test_training_job_type(program: Program, server: Running) -> None:
    """An up waits until the job has ended; another name is another job; nothing of them stays."""
    work = Work(server, "types-training")
    asked = work.training("types-code", SCRIPT)

    def source(name: str, tag: str) -> str:
        code = asked["HyperParameters"]["sagemaker_submit_directory"]
        output = asked["OutputDataConfig"]["S3OutputPath"]
        values = (name, tag, work.role, IMAGE, code, output)
        return f"NAME, TAG, ROLE, IMAGE, CODE, OUTPUT = {values!r}\n{TRAINING}"

    assert program.settled(source("types-one", "1"))["counts"] == {"create": 1}
    assert work.trained("types-one")["TrainingJobStatus"] == "Completed"
    assert program.settled(source("types-one", "2"))["counts"] == {"update": 1}
    assert program.settled(source("types-two", "2"))["counts"] == {"replace": 1}
    assert code(work.sagemaker.describe_training_job, TrainingJobName="types-one") == "ValidationException"
    assert program.settled(source("types-one", "2"))["counts"] == {"replace": 1}
    program.destroy()
    assert work.sagemaker.list_training_jobs(NameContains="types-")["TrainingJobSummaries"] == []
