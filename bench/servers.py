"""The servers that are measured: Stepwell as it is shipped and, for comparison, moto's; each a process."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from lean import Lean

ROOT = Path(__file__).resolve().parents[1]
#: moto's own virtual environment: its libraries shall not meet ours
MOTO = ROOT / ".cache" / "bench" / "moto"


class Server:
    """A process that answers at `url`."""

    name: str
    url: str
    process: subprocess.Popen[str]
    key, secret, region = "bench", "bench", "us-east-1"

    def lean(self) -> Lean:
        """A lean client of its own connection."""
        return Lean(self.url, self.key, self.secret, self.region)

    def client(self, service: str) -> Any:
        """A boto3 client that does not try twice."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            region_name=self.region,
            config=Config(
                inject_host_prefix=False, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}
            ),
        )

    def role(self, name: str, service: str) -> str:
        """A role that may do everything; gives its ARN."""
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        iam = self.client("iam")
        arn: str = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )["Role"]["Arn"]
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
        iam.put_role_policy(RoleName=name, PolicyName="everything", PolicyDocument=document)
        return arn

    @property
    def resident(self) -> float:
        """The memory that the process holds, in MB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


class Stepwell(Server):
    """A server on a data folder of its own."""

    name = "Stepwell"

    def __init__(self, data: Path) -> None:
        self.data = data
        self.process = subprocess.Popen(
            [sys.executable, "-m", "stepwell", "serve", "--data", str(data), "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            stderr=data.with_suffix(".log").open("w"),
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line.startswith("listening on "):
            raise SystemExit(f"the server did not start:\n{data.with_suffix('.log').read_text()}")
        self.url = line.removeprefix("listening on ")
        answered(f"{self.url}/_stepwell/health", self.process)
        facts = json.loads((data / "credentials.json").read_text())
        self.key, self.secret = facts["access_key_id"], facts["secret_access_key"]
        self.region = facts["region"]

    def stop(self) -> None:
        """End the server, its jobs and its model servers."""
        command = [sys.executable, "-m", "stepwell", "stop", "--all", "--data", str(self.data)]
        subprocess.run(command, capture_output=True, check=True, timeout=60)
        self.process.wait(30)


class Moto(Server):
    """moto's server, told to really run state machines (by default it only pretends)."""

    name = "moto"

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [MOTO / "bin" / "moto_server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        answered(f"{self.url}/moto-api/data.json", self.process)

    def run_machines(self) -> None:
        """Have executions really run."""
        content = json.dumps({"stepfunctions": {"execute_state_machine": True}}).encode()
        urllib.request.urlopen(f"{self.url}/moto-api/config", content, timeout=10).close()


def answered(url: str, process: subprocess.Popen[str]) -> None:
    """Return as soon as the address answers 200. Raises SystemExit when the process ends before."""
    while process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=10):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.002)
    raise SystemExit(f"a server ended before it answered at {url}")


def moto_missing() -> str | None:
    """Install moto where it is not yet; why it cannot be had, or None."""
    if (MOTO / "bin" / "moto_server").exists():
        return None
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
    shutil.rmtree(MOTO, ignore_errors=True)
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, str(MOTO)],
        [uv, "pip", "install", "--quiet", "--python", str(MOTO / "bin" / "python"), "moto[server]"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(MOTO, ignore_errors=True)
            return (done.stderr.strip().splitlines() or ["uv failed"])[-1]
    return None


def moto_version() -> str:
    """The release of moto that is measured."""
    code = "import importlib.metadata; print(importlib.metadata.version('moto'))"
    command = [str(MOTO / "bin" / "python"), "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
