"""Programs against a real server, through the real commands: up, up again, drift, faults, kills, destroy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from running import Running, until

pytest.importorskip("pulumi_aws", reason="Pulumi's SDK and AWS package are not installed")

PROGRAM = """
import json
import pulumi
import pulumi_aws as aws

config = pulumi.Config()
trust = {"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


class Team(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("acme:teams:Team", name)
        inner = pulumi.ResourceOptions(parent=self)
        self.role = aws.iam.Role(f"{name}-role", assume_role_policy=json.dumps(trust), opts=inner)
        self.bucket = aws.s3.Bucket(f"{name}-data", force_destroy=True, tags={"team": name}, opts=inner)
        self.policy = aws.iam.RolePolicy(
            f"{name}-reads", role=self.role.name, opts=inner,
            policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Action": "s3:GetObject",
                "Resource": pulumi.Output.concat(self.bucket.arn, "/*")}]}))
        self.register_outputs({"bucket": self.bucket.bucket})


team = Team("blue")
logs = aws.cloudwatch.LogGroup("runs", retention_in_days=config.get_int("days") or 7)
machine = aws.sfn.StateMachine(
    "machine", role_arn=team.role.arn,
    definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}))
pulumi.export("bucket", team.bucket.bucket)
pulumi.export("machine", machine.arn)
pulumi.export("token", config.get_secret("token") or pulumi.Output.secret("hush"))
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text(f"name: {tmp_path.name.replace('_', '-')}\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    return folder


def _ran(server: Running, *arguments: Any, **options: Any) -> dict[str, Any]:
    """What a command's `--json` says, which is also whether it ended well."""
    ended = server.stepwell(*map(str, arguments), "--json", **options)
    assert ended.stdout, ended.stderr
    said: dict[str, Any] = json.loads(ended.stdout)
    assert said["ok"] == (ended.returncode == 0), ended.stderr
    return said


def _written(server: Running) -> list[tuple[int, int]]:
    """What every commit of the server changes."""
    return [(file.stat().st_size, file.stat().st_mtime_ns) for file in server.data.glob("stepwell.db*")]


def _there(server: Running) -> dict[str, int]:
    """How many things there are of each kind."""
    states, logs = server.client("stepfunctions"), server.client("logs")
    return {
        "roles": len(server.client("iam").list_roles()["Roles"]),
        "buckets": len(server.client("s3").list_buckets()["Buckets"]),
        "machines": len(states.list_state_machines()["stateMachines"]),
        "groups": len(logs.describe_log_groups()["logGroups"]),
    }


def test_a_program_lives_its_life(own_server: Running, program: Path) -> None:
    """Made; unchanged without a single write; changed in place; drift found and mended; gone."""
    server = own_server
    first = _ran(server, "up", program)
    assert (first["ok"], first["counts"]) == (True, {"create": 6})
    assert first["outputs"]["token"] == "[secret]"
    assert server.client("s3").head_bucket(Bucket=first["outputs"]["bucket"])
    before = _written(server)
    second = _ran(server, "up", program)
    assert (second["counts"], second["changes"], _written(server)) == ({"same": 6}, [], before)

    (program / "Pulumi.dev.yaml").write_text(f"config:\n  {_project(program)}:days: 3\n")
    planned = _ran(server, "preview", program)
    (change,) = planned["changes"]
    assert (change["name"], change["operation"]) == ("runs", "update")
    assert change["properties"] == [{"path": "retentionInDays", "before": 7, "after": 3, "replaces": False}]
    assert _ran(server, "up", program)["counts"] == {"same": 5, "update": 1}

    (group,) = server.client("logs").describe_log_groups()["logGroups"]
    server.client("logs").put_retention_policy(logGroupName=group["logGroupName"], retentionInDays=30)
    server.client("stepfunctions").delete_state_machine(stateMachineArn=first["outputs"]["machine"])
    until(lambda: not server.client("stepfunctions").list_state_machines()["stateMachines"])
    drift = {c["name"]: c["operation"] for c in _ran(server, "refresh", program)["changes"]}
    assert drift == {"runs": "update", "machine": "delete"}
    assert _ran(server, "up", program)["counts"] == {"same": 4, "update": 1, "create": 1}

    gone = _ran(server, "destroy", program, "--yes")
    assert (gone["ok"], gone["counts"], gone["remains"]) == (True, {"delete": 6}, [])
    assert set(_there(server).values()) == {0}


def _project(program: Path) -> str:
    return (program / "Pulumi.yaml").read_text().split()[1]


def test_faults_are_told_and_lose_nothing(own_server: Running, program: Path) -> None:
    """A program that raises midway, a package that can't be had, another server's state, a damaged one."""
    server, main = own_server, program / "__main__.py"
    main.write_text(PROGRAM + "\nif not pulumi.runtime.is_dry_run():\n    raise ValueError('midway')\n")
    midway = _ran(server, "up", program)
    assert not midway["ok"]
    assert "ValueError: midway" in midway["errors"][0]["message"]
    kept = _there(server)

    main.write_text(PROGRAM + "\npulumi.CustomResource('random:index/randomId:RandomId', 'r', {})\n")
    assert "package random is not supported" in _ran(server, "up", program)["errors"][0]["message"]
    assert _there(server) == kept

    main.write_text(PROGRAM)
    assert _ran(server, "up", program)["ok"]
    file = server.data / "stacks" / _project(program) / "dev.json"
    good = file.read_text()
    foreign = good.replace(json.loads(good)["server"], "AKIAELSEWHERE")
    for content, told in (
        (good[: len(good) // 2], "is not a state file, or is damaged"),
        (foreign, "belongs to server AKIAELSEWHERE"),
    ):
        file.write_text(content)
        for command in (("up",), ("destroy", "--yes")):
            ended = server.stepwell(command[0], str(program), *command[1:])
            assert (ended.returncode, told in ended.stderr) == (1, True), ended.stderr
        assert file.read_text() == content
    file.write_text(good)
    assert _ran(server, "destroy", program, "--yes")["ok"]


def _processes(program: Path) -> list[str]:
    """Processes that work in the program's folder."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if Path(os.readlink(link)) == program:
                found.append(link.parent.name)
        except OSError:
            continue
    return found


def _kill_after(server: Running, program: Path, writes: int) -> bool:
    """Runs `up`, and `kill -9`s it once its state was written so often; whether that came to be."""
    file = server.data / "stacks" / _project(program) / "dev.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "stepwell", "up", str(program), "--data", str(server.data)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    seen: set[int] = {file.stat().st_mtime_ns} if file.exists() else set()
    start = len(seen)
    while process.poll() is None:
        try:
            seen.add(file.stat().st_mtime_ns)
        except FileNotFoundError:
            continue
        if len(seen) - start > writes:
            process.kill()
            process.wait(10)
            return True
    return False


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_a_killed_up_is_made_good_by_the_next(own_server: Running, program: Path) -> None:
    """Whenever it is killed: nothing is lost, nothing is there twice, and no process stays."""
    server = own_server
    killed = 0
    for writes in range(0, 18, 2):
        killed += _kill_after(server, program, writes)
        until(lambda: not _processes(program), 30)
        repaired = _ran(server, "up", program)
        assert repaired["ok"], (writes, repaired["errors"])
        assert _there(server) == {"roles": 1, "buckets": 1, "machines": 1, "groups": 1}, writes
        before = _written(server)
        assert _ran(server, "up", program)["counts"] == {"same": 6}, writes
        assert _written(server) == before
        assert _ran(server, "destroy", program, "--yes")["ok"]
        assert set(_there(server).values()) == {0}, writes
    assert killed > 5
