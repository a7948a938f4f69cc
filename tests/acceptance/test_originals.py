"""Five programs as others wrote them: mended by the least, each goes up, does what it can, and is gone."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from functions import messages, start
from jobs import Work, tarred
from leftovers import leftovers
from originals import MENDS, TRAINER, Mend
from running import Running, arn, ended, until
from test_originals_check import check, original

pytest.importorskip("pulumi_aws", reason="Pulumi's SDK and AWS package are not installed")

Outputs = dict[str, Any]


def ran(server: Running, command: str, folder: Path, *options: str) -> dict[str, Any]:
    """What a command says of a program as JSON."""
    done = server.stepwell(command, str(folder), "--yes", "--json", *options)
    assert done.stdout, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    assert said["ok"] == (done.returncode == 0), done.stderr
    return said


def copied(name: str, folder: Path) -> Path:
    """A copy of an original that may be edited."""
    shutil.copytree(original(name), folder)
    for path in (folder, folder / "__main__.py"):
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    return folder


def mended(name: str, folder: Path) -> Path:
    """A copy with what `check --fix` mends and what a person adds; check finds no error in it."""
    copied(name, folder)
    check(folder, "--fix")
    MENDS[name].apply(folder)
    left = check(folder)
    assert {each["code"] for each in left} == MENDS[name].stays
    assert not [each for each in left if each["severity"] == "error"]
    return folder


def finished(server: Running, machine: str, value: Any = None) -> dict[str, Any]:
    return ended(server, start(server, machine, value or {}))


def emptied(server: Running, bucket: str) -> None:
    s3 = server.client("s3")
    for item in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=item["Key"])


def without_groups(server: Running) -> None:
    """Log groups that functions and jobs make are no program's, and stay until somebody deletes them."""
    logs = server.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        logs.delete_log_group(logGroupName=group["logGroupName"])


def placeholder(server: Running, outputs: Outputs) -> None:
    """000: the machine runs; its one state says what it is."""
    found = finished(server, outputs["state_machine_arn"])
    assert (found["status"], json.loads(found["output"])) == ("SUCCEEDED", "This is a placeholder")


def trains_on_upload(server: Running, outputs: Outputs) -> None:
    """001: an upload trains; with a right fewer the run fails, and says why in AWS's words."""
    s3, sagemaker, iam = (server.client(name) for name in ("s3", "sagemaker", "iam"))
    bucket, function = outputs["bucket_name"], outputs["lambda_arn"].rpartition(":")[2]
    group = f"/aws/lambda/{function}"
    s3.put_object(Bucket=bucket, Key="code/train.tar.gz", Body=tarred({"train.py": TRAINER}))
    s3.put_object(Bucket=bucket, Key="data/notes.txt", Body=b"no numbers")
    s3.put_object(Bucket=bucket, Key="data/x.csv", Body=b"1\n2\n6\n")

    def over() -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = sagemaker.list_training_jobs()["TrainingJobSummaries"]
        return [job for job in jobs if job["TrainingJobStatus"] != "InProgress"]

    (job,) = until(over)
    name = job["TrainingJobName"]
    described = sagemaker.describe_training_job(TrainingJobName=name)
    assert job["TrainingJobStatus"] == "Completed", described.get("FailureReason")
    assert s3.head_object(Bucket=bucket, Key=f"models/{name}/output/model.tar.gz")
    assert "mean 3.0" in "".join(messages(server, "/aws/sagemaker/TrainingJobs"))

    role = server.client("lambda").get_function_configuration(FunctionName=function)["Role"].partition("/")[2]
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    rights = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    actions = rights["Statement"][0]["Action"]
    for lacking, resource in (("iam:PassRole", described["RoleArn"]), ("sagemaker:CreateTrainingJob", "")):
        fewer = [
            {
                **each,
                "Action": [a for a in actions if a != lacking]
                if each["Action"] == actions
                else each["Action"],
            }
            for each in rights["Statement"]
            if each["Action"] != lacking
        ]
        document = json.dumps({**rights, "Statement": fewer})
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=document)
        s3.put_object(Bucket=bucket, Key="data/again.csv", Body=b"1\n")
        denied = (
            f"User: {arn('sts', '').replace('us-east-1', '')}assumed-role/{role}/{function} "
            f"is not authorized to perform: {lacking} on resource: {resource}"
        )
        until(lambda told=denied: told in "".join(messages(server, group)), 20)
    assert len(over()) == 1
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(rights))

    refused = server.stepwell("destroy", str(server.data.parent / "program"), "--yes")
    assert refused.returncode == 1
    assert "BucketNotEmpty" in refused.stderr
    emptied(server, bucket)
    sagemaker.delete_training_job(TrainingJobName=name)


def greets(server: Running, outputs: Outputs) -> None:
    """002: an execution is the function's answer."""
    found = finished(server, outputs["state_machine_arn"], {"name": "Ada"})
    assert (found["status"], json.loads(found["output"])) == ("SUCCEEDED", "Hello, Ada")


def preprocesses_and_predicts(server: Running, outputs: Outputs) -> None:
    """003: both functions run from their zips, one after the other, and their logs can be read."""
    found = finished(server, outputs["state_machine_arn"], {"rows": ["0.5,0.1", "2,3", "1,1"]})
    assert json.loads(found["output"]) == {"predictions": [False, True, True]}
    groups = server.client("logs").describe_log_groups()["logGroups"]
    read = {group["logGroupName"]: "".join(messages(server, group["logGroupName"])) for group in groups}
    for name, line in (("predictLambda", "predicting 3 rows"), ("preprocessLambda", "preprocessing 3 rows")):
        (text,) = [text for group, text in read.items() if group.startswith(f"/aws/lambda/{name}-")]
        assert line in text
    wrong = finished(server, outputs["state_machine_arn"], {"rows": ["many"]})
    assert wrong["status"] == "FAILED"
    assert "could not convert string to float: 'many'" in wrong["cause"]


def opened(server: Running, window: str) -> dict[str, Any]:
    """Open a window once, in two seconds instead of on Sunday; its execution when it is over."""
    ssm = server.client("ssm")
    known = len(ssm.describe_maintenance_window_executions(WindowId=window)["WindowExecutions"])
    soon = time.strftime("at(%Y-%m-%dT%H:%M:%S)", time.gmtime(time.time() + 2))
    ssm.update_maintenance_window(WindowId=window, Schedule=soon)

    def over() -> list[dict[str, Any]]:
        found = ssm.describe_maintenance_window_executions(WindowId=window)["WindowExecutions"]
        busy = any(each["Status"] in ("PENDING", "IN_PROGRESS") for each in found)
        return found if len(found) > known and not busy else []

    newest: dict[str, Any] = max(until(over, 30), key=lambda each: each["StartTime"])
    return newest


def commanded(server: Running, window: str) -> dict[str, Any]:
    """Open a window once; the command that it sent."""
    opened(server, window)
    commands = server.client("ssm").list_commands()["Commands"]
    newest: dict[str, Any] = max(commands, key=lambda each: each["RequestedDateTime"])
    return newest


def opens_and_runs(server: Running, outputs: Outputs) -> None:
    """004: the window runs the script on the server's machine; a script that hangs is timed out."""
    window, ssm = outputs["maintenance_window_id"], server.client("ssm")
    script = server.data.parent / "scripts" / "retrain.sh"
    task = ssm.get_maintenance_window_task(
        WindowId=window, WindowTaskId=outputs["maintenance_window_task_id"]
    )
    assert (task["MaxConcurrency"], task["MaxErrors"]) == ("1", "1")
    assert ssm.get_maintenance_window(WindowId=window)["Cutoff"] == 1

    done = commanded(server, window)
    assert (done["Status"], done["MaxConcurrency"], done["MaxErrors"]) == ("Success", "1", "1")
    assert (done["TimeoutSeconds"], done["DocumentName"]) == (6000, "AWS-RunShellScript")
    told = ssm.get_command_invocation(CommandId=done["CommandId"], InstanceId="i-1234567890abcdef0")
    assert told["StandardOutputContent"] == "retrained\n"
    assert (script.parent / "model").read_text() == "trained\n"
    script.write_text("#!/bin/sh\nsleep 60\n")
    late = commanded(server, window)
    told = ssm.get_command_invocation(CommandId=late["CommandId"], InstanceId="i-1234567890abcdef0")
    assert (told["Status"], told["StatusDetails"]) == ("TimedOut", "ExecutionTimedOut")
    ssm.update_maintenance_window(WindowId=window, Schedule="cron(0 4 ? * SUN *)")


#: each original, and what it can do once it is right
JOBS: dict[str, Callable[[Running, Outputs], None]] = {
    "000-step-functions-retraining": placeholder,
    "001-event-driven-retraining": trains_on_upload,
    "002-workflow-orchestration": greets,
    "003-lambda-policies": preprocesses_and_predicts,
    "004-ssm-periodic-retraining": opens_and_runs,
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", JOBS)
def test_a_mended_original_does_what_it_can_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    """`up`, a second `up` that changes nothing, its job, `destroy`."""
    folder = mended(name, tmp_path / "program")
    server = Running(tmp_path / "data")
    options: list[str] = []
    if name.startswith("004"):
        scripts = tmp_path / "scripts"
        scripts.mkdir()
        script = scripts / "retrain.sh"
        script.write_text(f"#!/bin/sh\necho trained > {scripts}/model\necho retrained\n")
        script.chmod(0o755)
        options = ["--command-path", str(scripts)]
        set_script = ["config", "set", "script", str(script)]
        subprocess.run([sys.executable, "-m", "stepwell", *set_script], check=True, cwd=folder, timeout=60)
    server.start(*options)
    try:
        if name.startswith("004"):
            made = server.stepwell("instance", "--alias", "i-1234567890abcdef0")
            assert made.returncode == 0, made.stderr
        if name.startswith("001"):
            emptied(server, Work(server, "elsewhere").bucket)
            server.client("s3").delete_bucket(Bucket="elsewhere")
            server.client("iam").delete_role_policy(RoleName="elsewhere-job", PolicyName="rights")
            server.client("iam").delete_role(RoleName="elsewhere-job")
        first = ran(server, "up", folder)
        assert first["ok"], first["errors"]
        assert set(first["counts"]) == {"create"}
        second = ran(server, "up", folder)
        assert (second["changes"], second["outputs"]) == ([], first["outputs"])
        JOBS[name](server, first["outputs"])
        gone = ran(server, "destroy", folder)
        assert gone["ok"], gone["errors"]
        without_groups(server)
        until(lambda: not leftovers(server), 20)
    finally:
        server.stop()


#: original → edits (pattern → text) of it as `check --fix` leaves it or as written, and what `up` says of it
WRONG: dict[str, tuple[str, bool, dict[str, str], list[str]]] = {
    "a name that is nowhere": (
        "001-event-driven-retraining",
        False,
        {},
        [r"__main__\.py:10: NameError: name 'iam_for_lambda' is not defined", "finds 9 errors"],
    ),
    "packages that are absent": (
        "003-lambda-policies",
        False,
        {},
        [
            r"__main__\.py:26: aws:lambda/function:Function 'preprocessLambda': property code: asset "
            r"path/to/preprocess\.zip: No such file",
            r"__main__\.py:34: .*'predictLambda': property code: asset path/to/predict\.zip",
        ],
    ),
    "JSON of what is not known yet": (
        "003-lambda-policies",
        False,
        {
            r"pulumi\.FileArchive\([^)]*\)": 'pulumi.AssetArchive({"a.py": pulumi.StringAsset("")})',
            r"python3\.8": "python3.12",
            r"service-role/AWSStepFunctions": "AWSStepFunctions",
        },
        [
            r"__main__\.py:82: Object of type Output is not JSON serializable",
            "pulumi.Output.json_dumps, which waits",
        ],
    ),
    "a map for a list": (
        "004-ssm-periodic-retraining",
        False,
        {},
        [
            r"__main__\.py:39: .*taskInvocationParameters\.runCommandParameters\.parameters is an object; "
            "it takes a list of objects with name, values"
        ],
    ),
    "a cutoff that leaves no time": (
        "004-ssm-periodic-retraining",
        True,
        {"cutoff=1": "cutoff=3"},
        [r"__main__\.py:31: .*property cutoff: 3 is not less than the duration, 3:", "finds 2 errors"],
    ),
    "a day that is none": (
        "004-ssm-periodic-retraining",
        True,
        {r"\* SUN \*": "* SUNDAY *"},
        [
            r"__main__\.py:31: .*The schedule cron\(0 4 \? \* SUNDAY \*\) is not valid: day-of-week: "
            r"SUNDAY is no value; day-of-week is 1-7 or SUN-SAT; did you mean SUN\?\n"
        ],
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_original_is_told_by_file_and_line_and_nothing_stays(
    server: Running, tmp_path: Path, case: str
) -> None:
    """What an `up` that fails made is known to its stack: `destroy` leaves nothing of it."""
    name, fixed, edits, words = WRONG[case]
    folder = copied(name, tmp_path / tmp_path.name.replace("_", "-"))
    if fixed:
        check(folder, "--fix")
    Mend(edits=edits).apply(folder)
    before = set(leftovers(server))
    failed = server.stepwell("up", str(folder))
    assert failed.returncode == 1
    for word in words:
        assert re.search(word, failed.stderr), failed.stderr
    destroyed = server.stepwell("destroy", str(folder), "--yes")
    assert destroyed.returncode == 0, destroyed.stderr
    until(lambda: set(leftovers(server)) <= before, 20)


#: an EC2 id that the machine is known by
KNOWN = "i-0fedcba9876543210"
#: what a window can't do, as an edit of the mended program, and what its invocation says of it
IMPOSSIBLE = {
    "an instance that nobody knows": ({}, "i-1234567890abcdef0"),
    "a hash of another document": (
        {r"i-1234567890abcdef0": KNOWN, r'"comment":': '"document_hash": "YourHashHere", "comment":'},
        "hash",
    ),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_a_window_cannot_run_is_told_by_its_invocation(
    server: Running, tmp_path: Path, case: str
) -> None:
    """AWS finds it no sooner: the program goes up, and what it asks for fails when the window opens."""
    edits, word = IMPOSSIBLE[case]
    folder = mended("004-ssm-periodic-retraining", tmp_path / tmp_path.name.replace("_", "-"))
    Mend(edits=edits).apply(folder)
    assert server.stepwell("instance", "--alias", KNOWN).returncode == 0
    set_script = ["config", "set", "script", "/bin/true"]
    subprocess.run([sys.executable, "-m", "stepwell", *set_script], check=True, cwd=folder, timeout=60)
    made = ran(server, "up", folder)
    assert made["ok"], made["errors"]
    execution = opened(server, made["outputs"]["maintenance_window_id"])
    ssm, id = server.client("ssm"), execution["WindowExecutionId"]
    (task,) = ssm.describe_maintenance_window_execution_tasks(WindowExecutionId=id)[
        "WindowExecutionTaskIdentities"
    ]
    runs = ssm.describe_maintenance_window_execution_task_invocations(
        WindowExecutionId=id, TaskId=task["TaskExecutionId"]
    )["WindowExecutionTaskInvocationIdentities"]
    assert (execution["Status"], task["Status"]) == ("FAILED", "FAILED")
    assert word in (runs[0]["StatusDetails"] if runs else task["StatusDetails"]), (task, runs)
    assert server.stepwell("instance", "--remove-alias", KNOWN).returncode == 0
    assert ran(server, "destroy", folder)["ok"]
