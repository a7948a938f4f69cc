"""`batches`: what a retraining workflow has made of the data that arrived, and taking a batch out or in.

A workflow's batches are documents in its bucket. The commands read and write them as its functions do, on
conditions, so that a person and a run that are at it at once don't undo each other's work.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stepwell.cli.connection import F, connect, data_option, json_option
from stepwell.cli.output import print_json, print_table
from stepwell.cli.runs import chosen, machine_arn
from stepwell.errors import StepwellError

if TYPE_CHECKING:
    from stepwell.retrain.ledger.batches import Batch, Batches
    from stepwell.retrain.prepare.profile import ColumnProfile

#: the state of a workflow that names its bucket
READER = "ReadSummary"
#: characters of a run's name that are shown: its beginning names it in other commands
RUN_SHOWN = 8
#: categories of a column that are shown
CATEGORIES = 5


class NoBatches(StepwellError):
    """The machine is no retraining workflow's, or the batch can't become that; the message says which."""


@click.group(short_help="A retraining workflow's batches: list, show, withdraw, accept.")
def batches() -> None:
    """The batches of WORKFLOW: the name of its state machine, a name's unique beginning, or its ARN."""


def _named(command: F) -> F:
    """`WORKFLOW BATCH`."""
    return click.argument("workflow")(click.argument("batch")(command))


def _reason(command: F) -> F:
    return click.option("--reason", required=True, help="Why; it is kept with who and when.")(command)


@batches.command("list", short_help="All batches, the first begun first.")
@click.argument("workflow")
@data_option
@json_option
def list_batches(workflow: str, data: Path, as_json: bool) -> None:
    """List a workflow's batches: what became of each, by which run (`stepwell gate show RUN`), and why."""
    every = _open(workflow, data).records.all()
    if as_json:
        print_json([each.to_json() for each in every])
        return
    if not every:
        click.echo("no batches", err=True)
        return
    print_table(
        ("batch", "status", "run", "begun", "rows", "objects", "why"),
        (
            (
                each.name,
                each.status,
                each.execution.rpartition(":")[2][:RUN_SHOWN],
                _moment(each.created),
                "" if each.rows is None else str(each.rows),
                str(len(each.objects)),
                each.history[-1].why,
            )
            for each in every
        ),
    )


@batches.command(short_help="One batch: objects, columns, what became of it.")
@_named
@data_option
@json_option
def show(workflow: str, batch: str, data: Path, as_json: bool) -> None:
    """Show a batch: its objects with versions and digests, a profile of each column, its history."""
    place = _open(workflow, data)
    found = place.find(batch)
    columns = place.profile(found)
    if as_json:
        profile = {name: column.to_json() for name, column in columns.items()}
        print_json({**found.to_json(), "profile": profile})
        return
    _print(found)
    if columns:
        click.echo()
        print_table(
            ("column", "type", "missing", "values"),
            ((name, each.type, str(each.missing), _values(each)) for name, each in columns.items()),
        )
    click.echo()
    print_table(
        ("status", "at", "by", "why"),
        ((each.status, _moment(each.at), each.by.rpartition(":")[2], each.why) for each in found.history),
    )


@batches.command(short_help="Take a batch out of training.")
@_named
@_reason
@data_option
@json_option
def withdraw(workflow: str, batch: str, reason: str, data: Path, as_json: bool) -> None:
    """Withdraw a batch: the next training leaves it out, and its held-out rows are trusted no more.

    Models that were trained on it stay what they are: `stepwell lineage` names them, `stepwell rollback`
    takes one out of service.
    """
    from stepwell.retrain.ledger.statuses import QUARANTINED, WAITING

    place = _open(workflow, data)
    before = place.find(batch)
    changed = place.change(place.records.withdraw, before.name, reason)
    if before.status in (QUARANTINED, WAITING):
        waiting = before.execution.rpartition(":")[2]
        click.echo(f"{waiting} still waits for a person: stepwell reject {waiting}", err=True)
    _told(changed, as_json)


@batches.command(short_help="Have a batch trained on that was set aside or withdrawn.")
@_named
@_reason
@data_option
@json_option
def accept(workflow: str, batch: str, reason: str, data: Path, as_json: bool) -> None:
    """Accept a batch that was set aside or withdrawn: the next training reads it."""
    place = _open(workflow, data)
    _told(place.change(place.records.accept, place.find(batch).name, reason), as_json)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a workflow's batches lie."""

    records: Batches
    s3: Any
    sts: Any
    bucket: str

    def find(self, name: str) -> Batch:
        """The batch of that name, or of which it is the unique beginning. Raises NotFound."""
        every = {each.name: each for each in self.records.all()}
        return every[chosen("batch", name, {each: each for each in every})]

    def profile(self, batch: Batch) -> dict[str, ColumnProfile]:
        """The batch's columns; none where it was never read. Raises NoBatches for what is no profile."""
        from stepwell.retrain.prepare.profile import Profile, ProfileInvalid

        key = f"batches/{batch.name}/profile.json"
        try:
            text = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode()
            return dict(Profile.parse(text).columns)
        except self.s3.exceptions.NoSuchKey:
            return {}
        except (UnicodeDecodeError, ProfileInvalid) as error:
            raise NoBatches(f"s3://{self.bucket}/{key}: {error}") from None

    def change(self, step: Callable[..., Batch], name: str, reason: str) -> Batch:
        """Withdraw or accept a batch, as the caller and now. Raises NoBatches where it can't be."""
        from stepwell.retrain.ledger.faults import LedgerFault

        by = self.sts.get_caller_identity()["Arn"]
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        try:
            return step(name, by=by, why=reason, at=at)
        except LedgerFault as error:
            raise NoBatches(str(error)) from None


def _open(workflow: str, data: Path) -> Place:
    """A workflow's batches. Raises NotFound, NoBatches."""
    from stepwell.retrain.ledger.batches import Batches

    connection = connect(data)
    states = connection.client("stepfunctions")
    arn = machine_arn(states, workflow)
    definition = json.loads(states.describe_state_machine(stateMachineArn=arn)["definition"])
    bucket = bucket_of(definition)
    if bucket is None:
        raise NoBatches(f"{arn.rpartition(':')[2]} is no retraining workflow's machine: it keeps no batches")
    s3 = connection.client("s3")
    return Place(records=Batches(s3, bucket), s3=s3, sts=connection.client("sts"), bucket=bucket)


def bucket_of(definition: dict[str, Any]) -> str | None:
    """The bucket that a workflow's definition names; None for another machine's."""
    bucket = definition.get("States", {}).get(READER, {}).get("Parameters", {}).get("Bucket")
    return bucket if isinstance(bucket, str) else None


def _print(batch: Batch) -> None:
    rows = "not read" if batch.rows is None else f"{batch.rows}"
    if batch.held_out_rows is not None:
        rows = f"{rows}: {batch.train_rows} to train on, {batch.held_out_rows} held out"
    facts = [
        ("batch", batch.name),
        ("status", batch.status),
        ("execution", batch.execution.rpartition(":")[2]),
        ("rows", rows),
        *(("gate", line) for line in _outcome(batch)),
        *((("package", batch.package.partition("/")[2]),) if batch.package else ()),
    ]
    print_table(("", ""), facts)
    click.echo()
    print_table(
        ("object", "bytes", "version", "sha256"),
        ((each.key, str(each.size), each.version or "", each.sha256 or "not read") for each in batch.objects),
    )


def _outcome(batch: Batch) -> Iterator[str]:
    if batch.outcome is not None:
        yield f"{batch.outcome['decision']} ({batch.outcome['reason']}): {batch.outcome['sentence']}"
        if batch.outcome.get("evidence"):
            yield str(batch.outcome["evidence"])


def _values(column: ColumnProfile) -> str:
    """A column's values in a few words."""
    if column.type == "number" and column.least is not None:
        mean = "" if column.mean is None else f", mean {column.mean:.4g}"
        deviation = "" if column.deviation is None else f" ± {column.deviation:.4g}"
        return f"{column.least:g} .. {column.most:g}{mean}{deviation}"
    if column.type == "category":
        shown = [f"{name} {count}" for name, count in list(column.counts.items())[:CATEGORIES]]
        more = len(column.counts) - len(shown)
        return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
    if column.type == "text" and column.shortest is not None:
        return f"{column.shortest} to {column.longest} characters"
    if column.type == "time" and column.first is not None:
        return f"{column.first} .. {column.last}"
    return ""


def _told(batch: Batch, as_json: bool) -> None:
    if as_json:
        print_json(batch.to_json())
    else:
        click.echo(f"{batch.name} is {batch.status} by {batch.history[-1].by}")


def _moment(text: str) -> str:
    """ISO 8601 as people read it, in local time."""
    return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}"
