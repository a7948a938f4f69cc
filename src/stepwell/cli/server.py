"""`serve`, `stop`, `status`, `env`: the server itself."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path
from urllib.parse import urlsplit

import click

from stepwell.cli.connection import PATIENCE, connect, data_option, json_option
from stepwell.cli.output import ago, print_json, print_table
from stepwell.contact import is_held, read_lock
from stepwell.errors import StepwellError, UsageError

#: variables that were each seen to send a request elsewhere
UNSET = (
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
)
#: variables by which a shell's tools would ask a proxy for the server
PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


@click.command(short_help="Run a server in the foreground.")
@data_option
@click.option("--listen", metavar="ADDRESS:PORT", help="Default: the folder's last port, at first 4566.")
@click.option("--account", help="The account to play, twelve digits.  [default: 000000000000]")
@click.option("--region", help="The region to play.  [default: us-east-1]")
@click.option(
    "--iam",
    type=click.Choice(["enforce", "report"]),
    default="enforce",
    help="Whether to refuse what policies don't allow, or only to log it.  [default: enforce]",
)
@click.option(
    "--command-user", metavar="NAME", help="Whom Run Command's scripts run as; only root can choose."
)
@click.option(
    "--command-path",
    metavar="DIR",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A folder that Run Command's scripts may change; may be repeated.",
)
@click.option("-v", "--verbose", count=True, help="Say more; twice for debugging.")
def serve(
    data: Path,
    listen: str | None,
    account: str | None,
    region: str | None,
    iam: str,
    command_user: str | None,
    command_path: tuple[Path, ...],
    verbose: int,
) -> None:
    """Run a server in the foreground until it is stopped.

    Prints `listening on URL` when it answers.
    """
    import logging

    from stepwell.app import serve as run
    from stepwell.config import Config
    from stepwell.contact import read_key
    from stepwell.workers.containment import is_boundary

    logging.basicConfig(
        level=(logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)],
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    host, port = address(listen)
    if account is not None and not re.fullmatch(r"\d{12}", account):
        raise UsageError(f"--account takes twelve digits such as 000000000000, not {account!r}")
    if region is not None and not re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-\d", region):
        raise UsageError(f"--region takes a region's name such as us-east-1, not {region!r}")
    known = read_key(data)
    config = Config(
        data=data,
        host=host,
        port=port,
        account=account or (known.account if known else "000000000000"),
        region=region or (known.region if known else "us-east-1"),
        iam=iam,
        command_user=command_user,
        command_paths=command_path,
    )
    if not is_boundary():
        click.echo(
            "roles are no boundary here: this machine offers no containment for user code (stepwell doctor)",
            err=True,
        )
    run(config, lambda url: click.echo(f"listening on {url}"))


def address(text: str | None) -> tuple[str, int | None]:
    """`127.0.0.1:4566`, `[::1]:4566` or `:4566`. Raises UsageError."""
    if text is None:
        return "127.0.0.1", None
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise UsageError(f"--listen takes ADDRESS:PORT such as 127.0.0.1:4566, not {text!r}")
    return host.strip("[]") or "127.0.0.1", int(port)


@click.command(short_help="Drain and stop the server of a data folder.")
@data_option
@click.option("--all", "everything", is_flag=True, help="End jobs, model servers and commands too.")
def stop(data: Path, everything: bool) -> None:
    """Stop the server; what is under way is answered first.

    Jobs, model servers and commands go on and are found again by the next server, unless --all is given.
    """
    if not is_held(data):
        click.echo(f"no server runs on {data}", err=True)
        return
    try:
        connect(data).owner("stepwell").stop_server(All=everything)
    except StepwellError:
        holder = read_lock(data)
        if everything or holder is None:
            raise
        os.kill(holder["pid"], signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while is_held(data):
        if time.monotonic() > deadline:
            raise StepwellError(f"the server of {data} did not end within {PATIENCE:.0f} s")
        time.sleep(0.02)
    click.echo("stopped", err=True)


@click.command(short_help="What the server is busy with.")
@data_option
@json_option
def status(data: Path, as_json: bool) -> None:
    """Who the server is, and how many of each thing it has."""
    connection = connect(data)
    found = connection.owner("stepwell").get_status()
    found.pop("ResponseMetadata")
    started = found.pop("StartedAt")
    if as_json:
        print_json({**found, "StartedAt": started.isoformat(), "Url": connection.url})
        return
    rows = [
        ("address", connection.url),
        ("process", f"{found['ProcessId']}, up since {ago(started)}"),
        ("memory", f"{found['ResidentBytes'] >> 20} MiB"),
        ("version", found["Version"]),
        ("account", f"{found['Account']} in {found['Region']}"),
        ("data", found["DataFolder"]),
        *((name, str(count)) for name, count in sorted(found.get("Counts", {}).items())),
    ]
    print_table(("", ""), rows, wrap=True)


def unproxied(url: str) -> str:
    """The shell's list of hosts that are reached without its proxy, and the server's among them."""
    named = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    hosts = [*named.split(","), urlsplit(url).hostname or ""]
    return ",".join(dict.fromkeys(host.strip() for host in hosts if host.strip()))


@click.command(short_help="Lines that point a shell's AWS tools at the server.")
@data_option
@json_option
def env(data: Path, as_json: bool) -> None:
    """Print what a shell needs: eval "$(stepwell env)"."""
    connection = connect(data)
    settings = {
        "AWS_ENDPOINT_URL": connection.url,
        "AWS_ACCESS_KEY_ID": connection.key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": connection.key.secret_access_key,
        "AWS_REGION": connection.key.region,
        "AWS_DEFAULT_REGION": connection.key.region,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        # not only unset: a profile in ~/.aws/config may say `true`, and then no endpoint counts
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
    }
    if any(os.environ.get(name) for name in PROXIES):
        settings |= dict.fromkeys(("NO_PROXY", "no_proxy"), unproxied(connection.url))
    others = [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL_")]
    if as_json:
        print_json({"export": settings, "unset": [*UNSET, *others]})
        return
    for name in (*UNSET, *others):
        click.echo(f"unset {name}")
    click.echo(
        'for name in $(env | sed -n "s/^\\(AWS_ENDPOINT_URL_[A-Z0-9_]*\\)=.*/\\1/p"); do unset $name; done'
    )
    for name, value in settings.items():
        click.echo(f"export {name}={value}")
