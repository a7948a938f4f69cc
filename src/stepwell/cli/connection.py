"""Finding a data folder's server, and talking to it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from stepwell.cli.caller import Caller, of_shell
from stepwell.contact import RootKey, is_held, read_key, read_lock
from stepwell.errors import StepwellError, StoreError

#: a command's function, or the command made of it
F = TypeVar("F", bound=Callable[..., Any] | click.Command)
#: seconds that a server gets to answer after its start
PATIENCE = 30.0


class NoServer(StepwellError):
    """No server runs on the data folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A running server and the right to use it."""

    url: str
    pid: int
    data: Path
    key: RootKey

    def client(self, service: str) -> Any:
        """A boto3 client that acts as the shell's user of this server, else as its owner (`caller`)."""
        return client(service, url=self.url, key=self.key, caller=of_shell(self.url))

    def owner(self, service: str) -> Any:
        """A boto3 client that acts as the server's owner; nothing of the environment has a say."""
        return client(service, url=self.url, key=self.key)


def client(service: str, *, url: str, key: RootKey, caller: Caller | None = None) -> Any:
    """A boto3 client with an explicit endpoint and explicit credentials: the key's, or the caller's."""
    import botocore.session
    from botocore.config import Config

    from stepwell.api.models import own_model_folder

    signs = caller or key
    session = botocore.session.Session()
    session.set_config_variable("config_file", os.devnull)
    session.set_config_variable("credentials_file", os.devnull)
    session.set_config_variable("profile", None)
    session.get_component("data_loader").search_paths.append(str(own_model_folder()))
    return session.create_client(
        service,
        region_name=key.region,
        endpoint_url=url,
        aws_access_key_id=signs.access_key_id,
        aws_secret_access_key=signs.secret_access_key,
        aws_session_token=caller.session_token if caller is not None else None,
        config=Config(
            inject_host_prefix=False,
            proxies={},
            signature_version="s3v4" if service == "s3" else "v4",
            retries={"mode": "standard", "total_max_attempts": 2},
        ),
    )


def data_option(command: F) -> F:
    """`--data`, which every command has."""
    return click.option(
        "--data",
        envvar="STEPWELL_DATA",
        default=".stepwell",
        show_default=True,
        type=click.Path(path_type=Path, file_okay=False),
        help="The data folder. Also from STEPWELL_DATA.",
    )(command)


def json_option(command: F) -> F:
    """`--json`, for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def connect(data: Path) -> Connection:
    """The running server of the folder. Raises NoServer."""
    found = _find(data)
    if found is None:
        raise NoServer(f"no server runs on {data}. Start one: stepwell serve --data {data}")
    return found


def connect_or_start(data: Path) -> Connection:
    """The running server of the folder, started in the background when there is none."""
    found = _find(data)
    if found is not None:
        return found
    log = data / "server.log"
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        output = log.open("ab")
    except OSError as error:
        raise StoreError(f"cannot use the data folder {data}: {error.strerror}") from error
    click.echo(
        f"starting a server on {data} (its log: {log}; its end: stepwell stop --data {data})", err=True
    )
    with output:
        process = subprocess.Popen(
            [sys.executable, "-m", "stepwell", "serve", "--data", str(data)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = _find(data)
        if found is not None:
            return found
        if process.poll() is not None:
            tail = log.read_text(errors="replace").strip().splitlines()[-5:]
            said = "\n".join(tail).removeprefix("stepwell: ")
            raise NoServer(f"the server did not start: {said}")
        time.sleep(0.02)
    raise NoServer(f"the server did not answer within {PATIENCE:.0f} s; see {log}")


def _find(data: Path) -> Connection | None:
    if not is_held(data):
        return None
    facts, key = read_lock(data), read_key(data)
    if facts is None or key is None or not facts.get("ready"):
        return None
    return Connection(url=facts["url"], pid=facts["pid"], data=data, key=key)
