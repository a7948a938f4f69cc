"""`doctor`: what this machine offers and lacks, and what in this shell leads elsewhere.

Rows are values that checks yield, so that a new check is one function in `CHECKS`. Nothing is changed.
"""

from __future__ import annotations

import configparser
import importlib.metadata
import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import click

from stepwell.cli.connection import data_option, json_option
from stepwell.cli.output import print_json, print_table
from stepwell.cli.server import UNSET
from stepwell.contact import is_held, read_lock
from stepwell.errors import StepwellError

Verdict = Literal["ok", "warn", "missing"]
#: the variables that AWS's tools are pointed by; `stepwell env` sets them
POINTING = "AWS_ENDPOINT_URL"
#: settings of a profile that send requests elsewhere
SETTINGS = ("endpoint_url", "services", "ignore_configured_endpoint_urls")
#: variables through which HTTP requests take a way round
PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
#: the port of a folder's first server
PORT = 4566
#: bytes below which a disk is called nearly full
SCARCE = 1 << 30
#: the URI of one of AWS's scikit-learn images, in any region
SCIKIT_LEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:{}-cpu-py3"
#: what to do about an offer of `containment.offers()` that a machine does not make
ADVICE = {
    "landlock": "run Linux 5.13 or newer with landlock enabled, or serve as root",
    "mount namespace": "have scripts read SM_* variables and SAGEMAKER_BASE_DIR instead of /opt/ml",
    "network namespace": "allow user namespaces, or leave EnableNetworkIsolation out",
    "git": "install git, if requirements.txt names repositories",
    "cc": "install a C compiler, if requirements.txt names packages without wheels",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One finding."""

    #: what was looked at
    name: str
    #: `missing` means that Stepwell cannot work without it
    verdict: Verdict
    #: what there is
    detail: str
    #: what to do; empty when nothing is to be done
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a check looks."""

    data: Path
    cache: Path
    home: Path
    environment: dict[str, str]


@click.command(short_help="What this machine offers and lacks.")
@data_option
@json_option
def doctor(data: Path, as_json: bool) -> None:
    """Say what this machine offers and lacks, and what in this shell sends requests elsewhere.

    Exit 1 only when something is missing without which Stepwell does not work.
    """
    from stepwell.config import Config

    place = Place(data=data, cache=Config(data=data).cache, home=Path.home(), environment=dict(os.environ))
    rows = [row for check in CHECKS for row in check(place)]
    if as_json:
        print_json([asdict(row) for row in rows])
    else:
        print_table(("", "what", "finding"), lines(rows), wrap=True)
    if any(row.verdict == "missing" for row in rows):
        raise click.exceptions.Exit(1)


def lines(rows: list[Row]) -> Iterator[tuple[str, str, str]]:
    """The table's lines; what to do stands below its finding."""
    for row in rows:
        yield row.verdict, row.name, row.detail
        if row.advice:
            yield "", "", f"-> {row.advice}"


def system(place: Place) -> Iterator[Row]:
    """The system: Linux, and others as far as they carry it."""
    told = f"{platform.system()} {platform.release()} on {platform.machine()}, {os.cpu_count()} processors"
    linux = sys.platform == "linux"
    advice = "" if linux else "workers are contained on Linux only"
    yield Row(name="system", verdict="ok" if linux else "warn", detail=told, advice=advice)


def python(place: Place) -> Iterator[Row]:
    """The Python of Stepwell itself; what workers run on is among the offers."""
    own = ".".join(str(part) for part in sys.version_info[:3])
    yield Row(name="python", verdict="ok", detail=f"{own} runs Stepwell ({sys.executable})")


def tools(place: Place) -> Iterator[Row]:
    """uv builds the environments of jobs."""
    import uv

    try:
        yield Row(name="uv", verdict="ok", detail=uv.find_uv_bin())
    except FileNotFoundError as error:
        advice = f"{sys.executable} -m pip install uv"
        yield Row(name="uv", verdict="missing", detail=str(error), advice=advice)


def contained(place: Place) -> Iterator[Row]:
    """What keeps workers to themselves."""
    from stepwell.workers import containment

    for offer in containment.offers():
        unneeded = offer.name == "user of its own" and containment.is_boundary()
        fine = offer.available or unneeded
        yield Row(
            name=offer.name,
            verdict="ok" if fine else "warn",
            detail=offer.detail,
            advice="" if fine else ADVICE.get(offer.name, ""),
        )
    if not containment.is_boundary():
        yield Row(
            name="roles",
            verdict="warn",
            detail="workers can read the data folder: roles are no boundary here",
            advice=ADVICE["landlock"],
        )
    if Path("/opt/ml").exists():
        yield Row(
            name="/opt/ml",
            verdict="ok",
            detail="exists on this machine; jobs with a mount namespace see their own in its place",
        )


def disks(place: Place) -> Iterator[Row]:
    """Room for data and environments."""
    for name, folder in (("data folder", place.data), ("cache folder", place.cache)):
        there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
        free = shutil.disk_usage(there).free
        row = Row(name=name, verdict="ok", detail=f"{folder}: {free / (1 << 30):.1f} GiB free")
        if not os.access(there, os.W_OK | os.X_OK):
            row = replace(row, verdict="missing", advice=f"make {there} writable, or name another folder")
        elif free < SCARCE:
            row = replace(row, verdict="warn", advice="make room: environments and models are large")
        yield row


def environments(place: Place) -> Iterator[Row]:
    """Which images have their Python environment already."""
    from stepwell.workers.environments import Environments
    from stepwell.workers.images import FILE, SCIKIT_LEARN_VERSIONS, configured

    try:
        own = configured(place.data)
    except StepwellError as error:
        yield Row(name="images", verdict="warn", detail=str(error), advice=f"mend {place.data / FILE}")
        return
    known = {SCIKIT_LEARN.format(version): f"scikit-learn {version}" for version in SCIKIT_LEARN_VERSIONS}
    known |= {uri: uri for uri in own}
    built = Environments(cache=place.cache, data=place.data)
    unbuilt = []
    for uri, name in known.items():
        ready = built.ready(uri)
        if ready is None:
            unbuilt.append(name)
            continue
        yield Row(
            name=f"image {name}",
            verdict="ok",
            detail="built" + (f"; {ready.warning}" if ready.warning else ""),
        )
    if unbuilt:
        yield Row(name="images", verdict="ok", detail=f"built when first used: {', '.join(unbuilt)}")


def pulumi(place: Place) -> Iterator[Row]:
    """The SDK that programs import; `up` alone needs it."""
    for name in ("pulumi", "pulumi-aws"):
        try:
            yield Row(name=name, verdict="ok", detail=importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Row(
                name=name,
                verdict="warn",
                detail=f"not installed beside Stepwell ({sys.prefix})",
                advice="for `stepwell up`: pip install 'stepwell[pulumi]'",
            )


def server(place: Place) -> Iterator[Row]:
    """Whether a server runs on the folder, and whether the port is free where none does."""
    if is_held(place.data):
        facts = read_lock(place.data) or {}
        url = facts.get("url", "an address that it has not told yet")
        yield Row(name="server", verdict="ok", detail=f"runs on {place.data} at {url}")
        return
    yield Row(name="server", verdict="ok", detail=f"none runs on {place.data}")
    with socket.socket() as probe:
        taken = probe.connect_ex(("127.0.0.1", PORT)) == 0
    yield Row(
        name=f"port {PORT}",
        verdict="warn" if taken else "ok",
        detail="another program answers there" if taken else "free",
        advice="name another: stepwell serve --listen 127.0.0.1:PORT" if taken else "",
    )


def shell(place: Place) -> Iterator[Row]:
    """Variables of this shell by which AWS's tools would miss the server."""
    cure = f'eval "$(stepwell env --data {place.data})"'
    known = place.environment
    url = (read_lock(place.data) or {}).get("url") if is_held(place.data) else None
    pointed = known.get(POINTING)
    if pointed and url and pointed != url:
        yield Row(name=POINTING, verdict="warn", detail=f"{pointed}, the server is {url}", advice=cure)
    elif pointed:
        yield Row(name=POINTING, verdict="ok", detail=pointed)
    else:
        yield Row(
            name=POINTING,
            verdict="ok",
            detail="not set: AWS's tools of this shell speak to AWS, Stepwell's own commands to the server",
            advice=f"to point them at the server: {cure}",
        )
    misleading = [name for name in known if name in UNSET or name.startswith(f"{POINTING}_")]
    for name in sorted(misleading):
        yield Row(name=name, verdict="warn", detail="sends requests elsewhere", advice=cure)
    exempt = known.get("no_proxy", known.get("NO_PROXY", ""))
    local = any(each.strip() in ("*", "127.0.0.1", "localhost") for each in exempt.split(","))
    for name in PROXIES:
        if known.get(name) and not local:
            yield Row(
                name=name,
                verdict="warn",
                detail="AWS's tools send requests to the server through this proxy",
                advice='export no_proxy="127.0.0.1,localhost${no_proxy:+,$no_proxy}"',
            )


def files(place: Place) -> Iterator[Row]:
    """Settings in `~/.aws` by which AWS's tools would miss the server."""
    given = place.environment.get("AWS_CONFIG_FILE")
    path = Path(given).expanduser() if given else place.home / ".aws" / "config"
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read(path)
    except configparser.Error as error:
        yield Row(name=str(path), verdict="warn", detail=str(error).splitlines()[0], advice="mend the file")
        return
    profile = (
        place.environment.get("AWS_PROFILE") or place.environment.get("AWS_DEFAULT_PROFILE") or "default"
    )
    section = "default" if profile == "default" else f"profile {profile}"
    found = [name for name in SETTINGS if parser.has_option(section, name)]
    for name in found:
        yield Row(
            name=f"{path} [{section}]",
            verdict="warn",
            detail=f"{name} = {parser.get(section, name).strip()}",
            advice=FILE_ADVICE[name].format(data=place.data),
        )
    if not found:
        detail = f"nothing in [{section}] leads elsewhere" if path.exists() else "there is none"
        yield Row(name=str(path), verdict="ok", detail=detail)


#: what to do about a setting of a profile
FILE_ADVICE = {
    "endpoint_url": 'harmless once AWS_ENDPOINT_URL is set: eval "$(stepwell env --data {data})"',
    "services": 'harmless once AWS_ENDPOINT_URL is set: eval "$(stepwell env --data {data})"',
    "ignore_configured_endpoint_urls": 'overridden by this: eval "$(stepwell env --data {data})"',
}

#: all checks, in the order of their rows
CHECKS: tuple[Callable[[Place], Iterator[Row]], ...] = (
    system,
    python,
    tools,
    contained,
    disks,
    environments,
    pulumi,
    server,
    shell,
    files,
)
