"""`gate`: what a gate decided and from what, and what it would have decided under another rule."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stepwell.cli.connection import Connection, connect, data_option, json_option
from stepwell.cli.output import print_json, print_table
from stepwell.cli.runs import described, execution_arn, newest_first
from stepwell.errors import StepwellError, UsageError

if TYPE_CHECKING:
    from stepwell.retrain.gate import Evidence
    from stepwell.retrain.gate.evidence import Comparison

#: batches that are named; a model may have been judged on a thousand
_MOST_NAMES = 5


class NoEvidence(StepwellError):
    """There is no evidence at that place, or what lies there is none; the message says which."""


@click.group(short_help="What a gate decided, from what, and what another rule would have.")
def gate() -> None:
    """Evidence of gates: EVIDENCE is a file, an s3:// URI, or an execution's name (or its beginning) or ARN.

    An execution's evidence is where its output says: {"evidence": "s3://..."}; of one without an output,
    because it waits for a person or failed later, where its newest task that names any says.
    """


@gate.command(short_help="Show what was decided and from what.")
@click.argument("evidence")
@data_option
@json_option
def show(evidence: str, data: Path, as_json: bool) -> None:
    """Show a gate's evidence: its decision, the comparisons, naive forecasts, remarks."""
    found = _read(evidence, data)
    if as_json:
        print_json(found.to_json())
        return
    _print(found)


@gate.command(short_help="Say what another rule would have decided.")
@click.argument("evidence")
@click.option("--rule", type=click.Choice(["not-worse", "better"]), help="The rule on the batch's own rows.")
@click.option("--margin", type=float, help="The loss that counts as none.")
@click.option("--trusted-margin", type=float, help="The loss on trusted rows that is let pass.")
@click.option("--floor", type=float, help="What the champion must score on the batch's own labels.")
@click.option("--alpha", type=float, help="The share of wrong answers that each test may give.")
@click.option("--least-rows", type=int, help="Rows below which nothing is decided.")
@data_option
@json_option
def replay(evidence: str, data: Path, as_json: bool, **changes: Any) -> None:
    """Say what would have been decided with other settings; what isn't named stays as it was.

    Needs neither models nor rows: counts and draws are in the evidence, and held against its rows' outcomes.
    """
    from stepwell.retrain.gate.faults import EvidenceInvalid, SettingsInvalid
    from stepwell.retrain.gate.replaying import replayed

    found = _read(evidence, data)
    try:
        anew = replayed(found, **changes)
    except SettingsInvalid as error:
        raise UsageError(str(error)) from None
    except EvidenceInvalid as error:
        raise NoEvidence(f"{evidence}: {error}") from None
    if as_json:
        print_json({"was": found.to_json()["decision"], "replayed": anew.summary()})
        return
    click.echo(f"it was   {_said(found)}")
    click.echo(f"now      {_said(anew)}")
    differing = found.decision.outcome != anew.decision.outcome
    click.echo("another decision" if differing else "the same decision", err=True)
    click.echo()
    _print_comparisons(anew)


def _read(place: str, data: Path) -> Evidence:
    """The evidence of a file, an object or an execution. Raises NoEvidence, NotFound for the execution."""
    from stepwell.retrain.gate import Evidence
    from stepwell.retrain.gate.faults import GateFault

    path = Path(place)
    try:
        if place.startswith("s3://"):
            text = _object(connect(data), place)
        elif path.is_file():
            text = path.read_text("utf-8")
        else:
            text = _of_execution(connect(data), place)
        return Evidence.parse(text)
    except GateFault as error:
        raise NoEvidence(f"{place}: {error}") from None
    except UnicodeDecodeError:
        raise NoEvidence(f"{place} is no text") from None


def _of_execution(server: Connection, name: str) -> str:
    from botocore.exceptions import ClientError

    from stepwell.retrain.lineage.executions import evidence_links

    states = server.client("stepfunctions")
    found = described(states, execution_arn(states, name))
    missing = ""
    for uri in evidence_links(found, newest_first(states, found["executionArn"])):
        try:
            return _object(server, uri)
        except ClientError as error:
            # a gate that runs just now, or that failed, has written nothing; the one before it may have
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            missing = missing or f"; there is no {uri}"
    raise NoEvidence(
        f"execution {found['name']} is {found['status']}; neither its output nor a task of its has "
        f'"evidence": "s3://..." that is there{missing}'
    )


def _object(server: Connection, uri: str) -> str:
    bucket, _, key = uri[len("s3://") :].partition("/")
    body: bytes = server.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body.decode("utf-8")


def _some(names: list[str]) -> str:
    """A few names, and how many more there are."""
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _print(found: Evidence) -> None:
    settings = found.settings
    click.echo(_said(found))
    if found.released is not None:
        release = found.released
        done = {"release": "released", "reject": "rejected"}.get(release.action, release.action)
        click.echo(f"{done} by {release.by} at {release.at}: {release.reason}")
    sources = found.sources
    if sources.batch:
        trusted = f", trusted rows of {_some(list(sources.trusted))}" if sources.trusted else ""
        click.echo(f"batch    {sources.batch}{trusted}")
    if sources.champion:
        told = (f"{name} {each}" for name, each in sources.champion.items() if each)
        click.echo(f"champion {', '.join(told)}")
    rule = f"{settings.rule} by a margin of {settings.margin:g}" if settings.rule == "not-worse" else "better"
    at = "at least" if found.higher_is_better else "at most"
    click.echo(
        f"rule     {settings.metric} {rule}, floor {at} {settings.floor:g}, alpha {settings.alpha:g}, "
        f"seed {settings.seed}"
    )
    if found.recognised is not None:
        click.echo(f"labels   the champion scores {found.recognised:.4g} on the batch's own")
    click.echo()
    _print_comparisons(found)
    if found.baselines:
        click.echo()
        print_table(
            ("naive forecast", "rows", "number", "score", "challenger", "champion"),
            (
                (
                    each.name,
                    each.rows_of,
                    str(each.rows),
                    _figure(each.score),
                    _figure(each.challenger),
                    _figure(each.champion),
                )
                for each in found.baselines
            ),
        )
    for title, notes in (("problem", found.problems), ("remark", found.notes)):
        for note in notes:
            click.echo(f"{title}  {note.code}: {note.sentence}")
    for name, version in _sources(found):
        click.echo(f"{name}  {version}", err=True)


def _sources(found: Evidence) -> Iterator[tuple[str, str]]:
    for who, digest in found.sources.models.items():
        yield who, f"sha256:{digest}"
    yield "libraries", ", ".join(f"{name} {version}" for name, version in found.sources.versions.items())
    if found.sources.packages:
        yield "image", f"Python {found.sources.python}, {len(found.sources.packages)} packages (see --json)"
    if found.sources.job:
        yield "job", found.sources.job
    if found.sources.execution:
        yield "execution", found.sources.execution


def _print_comparisons(found: Evidence) -> None:
    level = 100 * (1 - 2 * found.settings.alpha)
    print_table(
        (
            "rows",
            "slice",
            "number",
            "challenger",
            "champion",
            "won",
            "lost",
            f"difference ({level:g} %)",
            "p worse",
            "p not worse",
            "p better",
        ),
        (_cells(each) for each in _ordered(found.comparisons)),
    )


def _ordered(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """Whole sets first, then slices, the worst first."""
    return sorted(
        comparisons,
        key=lambda each: (
            bool(each.part),
            math.inf if each.p_worse is None else each.p_worse * bool(each.part),
        ),
    )


def _cells(each: Comparison) -> tuple[str, ...]:
    interval = "-"
    if each.difference is not None and each.low is not None and each.high is not None:
        interval = f"{each.difference:+.4f} ({each.low:+.4f} to {each.high:+.4f})"
    return (
        each.rows_of,
        each.part or "all",
        str(each.rows),
        _figure(each.challenger),
        _figure(each.champion),
        str(each.won) if each.test else "-",
        str(each.lost) if each.test else "-",
        interval,
        *(_figure(p) for p in (each.p_worse, each.p_not_worse, each.p_better)),
    )


def _said(found: Evidence) -> str:
    return f"{found.decision.outcome} {found.decision.reason}: {found.decision.sentence}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
