"""Pulumi programs that tests write step by step, on a real server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running import Running

HEAD = """
import json
import pulumi
import pulumi_aws as aws

def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements})

def trust(service):
    return policy({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})
"""


class Program:
    """A Pulumi program that a test writes, step by step."""

    def __init__(self, server: Running, folder: Path, name: str) -> None:
        self.server, self.folder = server, folder / name
        self.folder.mkdir()
        (self.folder / "Pulumi.yaml").write_text(f"name: {name}\nruntime: python\n")

    def up(self, source: str) -> dict[str, Any]:
        """Run `stepwell up` with this source, and check that it succeeds."""
        (self.folder / "__main__.py").write_text(HEAD + source)
        return self._run("up")

    def settled(self, source: str) -> dict[str, Any]:
        """As `up`, and a second time, which changes nothing; gives the counts and outputs of the first."""
        first = self.up(source)
        assert set(self._run("up")["counts"]) == {"same"}
        return first

    def destroy(self) -> dict[str, Any]:
        """Run `stepwell destroy`."""
        return self._run("destroy")

    def _run(self, command: str) -> dict[str, Any]:
        done = self.server.stepwell(command, str(self.folder), "--json", "--yes", "--show-secrets")
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


def code(call: Callable[..., Any], **parameters: Any) -> str:
    """The code of the error that a call is answered with."""
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return str(refused.value.response["Error"]["Code"])
