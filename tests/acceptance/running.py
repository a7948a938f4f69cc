"""A real server as a process of its own, and boto3 clients that talk to it over a real socket."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config


class Running:
    """One data folder and the server process on it, which tests may kill and start again."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self, *options: str, environment: dict[str, str] | None = None) -> None:
        """Start the server (in that environment) and wait until it says that it listens."""
        listen = [] if self.url else ["--listen", "127.0.0.1:0"]
        with (self.data.parent / f"{self.data.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "stepwell", "serve", "--data", str(self.data), *listen, *options],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        assert line.startswith("listening on "), self.log()
        self.url = line.removeprefix("listening on ")

    def kill(self) -> None:
        """`kill -9`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        """End the server, its jobs and its model servers."""
        if self.process is not None and self.process.poll() is None:
            self.stepwell("stop", "--all")
            self.process.wait(30)

    def log(self) -> str:
        """What the server wrote to standard error."""
        return (self.data.parent / f"{self.data.name}.log").read_text(errors="replace")

    def stepwell(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command on this data folder."""
        environment = options.pop("env", None) or os.environ
        return subprocess.run(
            [sys.executable, "-m", "stepwell", *arguments, "--data", str(self.data)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=environment,
            **options,
        )

    @property
    def settings(self) -> dict[str, str]:
        """What boto3 needs to reach the server as its owner."""
        facts = json.loads((self.data / "credentials.json").read_text())
        return {
            "endpoint_url": self.url,
            "aws_access_key_id": facts["access_key_id"],
            "aws_secret_access_key": facts["secret_access_key"],
            "region_name": facts["region"],
        }

    def client(self, service: str, **settings: Any) -> Any:
        """A boto3 client."""
        config = Config(inject_host_prefix=False, retries={"total_max_attempts": 1})
        return boto3.client(service, config=config, **{**self.settings, **settings})


def allow(actions: str | list[str], resources: str | list[str], **condition: Any) -> dict[str, Any]:
    """A statement of a policy."""
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return {**statement, **({"Condition": condition} if condition else {})}


def arn(service: str, resource: str) -> str:
    """The ARN of something in the account and region that servers play in tests."""
    return f"arn:aws:{service}:us-east-1:000000000000:{resource}"


def logging(group: str) -> dict[str, Any]:
    """What a worker needs to keep its log in that group."""
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    return allow(actions, arn("logs", f"log-group:{group}:*"))


def role(running: Running, name: str, service: str, *statements: dict[str, Any]) -> str:
    """A role that a service may assume, with inline statements; gives its ARN."""
    iam = running.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    arn: str = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=document)
    return arn


def until(check: Callable[[], Any], seconds: float = 60) -> Any:
    """The first true answer of `check`, asked again and again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = check()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"nothing within {seconds} s")


def ended(running: Running, execution: str, seconds: float = 60) -> dict[str, Any]:
    """The execution's description once it is over."""
    states = running.client("stepfunctions")

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = states.describe_execution(executionArn=execution)
        return found if found["status"] != "RUNNING" else None

    found: dict[str, Any] = until(look, seconds)
    return found


def processes(running: Running, *words: str, surroundings: str = "") -> list[int]:
    """This server's processes whose command lines hold all of `words`, and whose variables `surroundings`."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            variables = (folder / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        asked = all(word in command for word in words) and surroundings in variables
        if asked and str(running.data) in command + variables:
            found.append(int(folder.name))
    return found
