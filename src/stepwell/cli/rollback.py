"""`rollback`: an endpoint goes back to what it served before, and what it has served."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from stepwell.cli.connection import connect, data_option, json_option
from stepwell.cli.output import print_json, print_table
from stepwell.cli.runs import NotFound, chosen
from stepwell.errors import UsageError

#: seconds between two looks at an endpoint that is waited for
PAUSE = 0.2


@click.command(short_help="Have an endpoint serve what it served before.")
@click.argument("endpoint")
@click.option("--to", "target", metavar="PACKAGE|VERSION", help="A model package: its ARN, or its version.")
@click.option("--reason", help="Why; it is kept with who and when.")
@click.option("--no-wait", is_flag=True, help="Don't wait until it serves.")
@click.option("--list", "listing", is_flag=True, help="Only list what ENDPOINT has served.")
@data_option
@json_option
def rollback(
    endpoint: str,
    target: str | None,
    reason: str | None,
    no_wait: bool,
    listing: bool,
    data: Path,
    as_json: bool,
) -> None:
    """Have ENDPOINT (a name or a name's unique beginning) serve what it served before, or a named package.

    Again, it goes one further back: what was rolled back from comes back only by name. What serves now
    serves on until the other is up, and for good if it doesn't come up; then the exit code is 1.
    """
    connection = connect(data)
    own = connection.client("stepwell")
    name = endpoint_name(connection.client("sagemaker"), endpoint)
    if listing:
        if target is not None or reason is not None or no_wait:
            raise UsageError("--list only lists: it takes neither --to nor --reason nor --no-wait")
        _show(_history(own, name), as_json)
        return
    asked = {**_package(target), **({"Reason": reason} if reason else {})}
    begun = own.rollback_endpoint(EndpointName=name, **asked)
    coming = begun["To"]
    click.echo(f"{name}: {said(begun['From'])} -> {said(coming)}", err=True)
    if not no_wait:
        try:
            coming = _awaited(own, name, coming["Number"])
        except KeyboardInterrupt:
            click.echo(f"it goes on without you: stepwell rollback {name} --list --data {data}", err=True)
            raise
    if as_json:
        print_json(coming)
    if coming["Status"] == "Failed":
        click.echo(coming["FailureReason"], err=True)
        click.echo(f"{name} did not take it and serves {said(begun['From'])} on", err=True)
        raise click.exceptions.Exit(1)
    if not as_json:
        word = "is about to serve" if no_wait else "serves"
        click.echo(f"{name} {word} {said(coming)}")


def endpoint_name(sagemaker: Any, name: str) -> str:
    """The endpoint that a name, or the unique beginning of one, means. Raises NotFound."""
    pages = sagemaker.get_paginator("list_endpoints").paginate()
    known = {each["EndpointName"]: each["EndpointName"] for page in pages for each in page["Endpoints"]}
    return chosen("endpoint", name, known)


def said(deployment: Mapping[str, Any]) -> str:
    """A deployment in few words: its model packages or models, and its configuration."""
    models = ", ".join(_model(each) for each in deployment["Models"])
    return f"{models} (configuration {deployment['EndpointConfigName']})"


def _model(served: Mapping[str, Any]) -> str:
    package = served.get("ModelPackageArn")
    return f"model {served['ModelName']}" if package is None else f"package {package.partition('/')[2]}"


def _package(target: str | None) -> dict[str, Any]:
    if target is None:
        return {}
    return {"ModelPackageVersion": int(target)} if target.isdigit() else {"ModelPackageArn": target}


def _history(own: Any, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = own.list_deployments(EndpointName=name)["Deployments"]
    return found


def _awaited(own: Any, name: str, number: int) -> dict[str, Any]:
    """The deployment as soon as it serves or has failed. Raises NotFound when its endpoint is deleted."""
    while True:
        found = next((each for each in _history(own, name) if each["Number"] == number), None)
        if found is None:
            raise NotFound(f"the endpoint {name} was deleted meanwhile")
        if found["Status"] != "Deploying":
            return found
        time.sleep(PAUSE)


def _show(history: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(history)
        return
    print_table(
        ("number", "status", "served", "since", "until", "by", "why"),
        (
            (
                str(each["Number"]),
                each["Status"],
                said(each),
                _moment(each.get("InServiceTime")),
                _moment(each.get("EndTime")),
                each["RequestedBy"].rpartition(":")[2],
                _why(each),
            )
            for each in history
        ),
    )


def _moment(moment: datetime | None) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}" if moment is not None else ""


def _why(deployment: Mapping[str, Any]) -> str:
    """What began it, and why: `rollback to 2: sevens are read as ones`."""
    action = deployment["Action"]
    if "RestoredNumber" in deployment:
        action = f"{action} to {deployment['RestoredNumber']}"
    reason = deployment.get("Reason") or deployment.get("FailureReason")
    return f"{action}: {reason}" if reason else action
