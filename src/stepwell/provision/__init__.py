"""Runs a Pulumi program in Python against an AWS endpoint, without the Pulumi CLI.

The program uses Pulumi's own SDK and AWS package; here is the engine that they talk to, and, for each
supported resource type, a table of its properties and the API calls that make it. It is a client: it speaks
AWS's APIs through boto3, and works on any endpoint that does.

    project, program, launcher    the program's files and its process
    monitor, registration         what its SDK asks, over gRPC and as values
    deployment, plan, diff        what that comes to: one pass over the program
    operations, removal, graph    carrying it out
    state                         what is remembered between runs
    vault, ciphers                and how secrets are in it
    schema, aws                   resource types as tables and functions
    progress, report, request     what a caller gives and gets
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from stepwell.errors import UsageError
from stepwell.provision.cloud import ClientFactory
from stepwell.provision.problems import (
    Problem,
    ProjectInvalid,
    ProvisionError,
    SecretsLocked,
    StackInUse,
    StateDamaged,
    StateForeign,
    StateTooNew,
)
from stepwell.provision.progress import (
    Diagnostic,
    Event,
    Observer,
    PropertyChange,
    ResourceProgress,
)
from stepwell.provision.request import Change, Command, Outcome, Output, Request

__all__ = [
    "Change",
    "ClientFactory",
    "Command",
    "Diagnostic",
    "Event",
    "Observer",
    "Outcome",
    "Output",
    "Problem",
    "ProjectInvalid",
    "PropertyChange",
    "ProvisionError",
    "Request",
    "ResourceProgress",
    "SecretsLocked",
    "StackInUse",
    "StateDamaged",
    "StateForeign",
    "StateTooNew",
    "check",
    "run",
]


def check(program: Path, stack: str, *, passphrase: str | None = None) -> None:
    """Finds out, before anything is started for it, that there is no program to run.

    Raises:
        UsageError: Pulumi's SDK is not installed.
        ProjectInvalid: the program's files make no sense.
        SecretsLocked: `passphrase` is not that of the stack's secrets.
    """
    _require("yaml", "pulumi", "grpc")
    from stepwell.provision import project

    project.read(program, stack, passphrase=passphrase)


def run(request: Request, observer: Observer, *, clients: ClientFactory | None = None) -> Outcome:
    """Carries out `request` and tells `observer` of each step.

    Args:
        request: what to do, and against which endpoint.
        observer: called with every event, by one thread at a time.
        clients: makes the client of a service by its boto3 name; boto3's own against the request's endpoint
            when not given.

    Raises:
        UsageError: Pulumi's SDK is not installed.
        ProjectInvalid: the program's files make no sense.
        SecretsLocked: the passphrase or the key of the stack's secrets is absent or wrong.
        StackInUse, StateDamaged, StateTooNew, StateForeign: the stack's state can't be used.
    """
    _require("yaml", "pulumi", "grpc")
    from stepwell.provision import engine

    return engine.run(request, observer, clients=clients)


def _require(*packages: str) -> None:
    """Tells what is not installed, without importing what is."""
    for package in packages:
        if find_spec(package) is None:
            raise UsageError(
                f"Pulumi's SDK is not installed ({package} is absent): pip install 'stepwell[pulumi]'"
            )
