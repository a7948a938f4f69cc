"""A workflow's batches are listed, shown, withdrawn and accepted from the command line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from running import Running, arn, role

from stepwell.retrain.ledger.batches import Batch, Batches, Entry
from stepwell.retrain.ledger.objects import Object
from stepwell.retrain.prepare.profile import ColumnProfile, Profile

BUCKET, MACHINE = "batches-command", "retrain-batches"
BEGUN = "2026-11-20T12:00:00.000Z"
RUN = arn("states", f"execution:{MACHINE}:run-1")


def batch(name: str, status: str, **changes: Any) -> Batch:
    """A batch of one object, which became what it is by a run."""
    entries = ("PREPARING", *(("SET_ASIDE",) if status == "ACCEPTED" else ()), status)
    return Batch(
        name=name,
        status=status,
        execution=RUN,
        trigger="upload",
        collected=False,
        objects=(Object(key=f"data/{name}.csv", version="v1", etag=name, size=1234, sha256="ab" * 32),),
        created=BEGUN,
        history=tuple(
            Entry(status=each, at=BEGUN, by=RUN, why=f"it became {each}") for each in dict.fromkeys(entries)
        ),
        **changes,
    )


@pytest.fixture(scope="module")
def work(server: Running) -> Running:
    """A machine with the state that names the bucket, and three batches in it."""
    s3 = server.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    records = Batches(s3, BUCKET)
    outcome = {"decision": "DEPLOY", "reason": "NOT_WORSE", "sentence": "It is not worse.", "evidence": None}
    read = {"rows": 100, "train_rows": 80, "held_out_rows": 20, "columns": ("hour", "colour")}
    records.create(batch("monday-11111111", "ACCEPTED", outcome=outcome, order=1, **read))
    records.create(batch("tuesday-22222222", "SET_ASIDE", **read))
    records.create(batch("wednesday-33333333", "QUARANTINED"))
    columns = {
        "hour": ColumnProfile(type="number", missing=2, least=0, most=23, mean=11.5, deviation=6.9),
        "colour": ColumnProfile(type="category", counts={"red": 60, "blue": 40}),
    }
    profile = json.dumps(Profile(rows=100, columns=columns).to_json())
    s3.put_object(Bucket=BUCKET, Key="batches/monday-11111111/profile.json", Body=profile.encode())
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Parameters": {"Bucket": BUCKET, "Key": "summary.json"},
        "End": True,
    }
    machine = role(server, "batches-machine", "states.amazonaws.com")
    for name, states in (
        (MACHINE, {"ReadSummary": state}),
        ("no-batches", {"P": {"Type": "Pass", "End": True}}),
    ):
        definition = {"StartAt": next(iter(states)), "States": states}
        server.client("stepfunctions").create_state_machine(
            name=name, roleArn=machine, definition=json.dumps(definition)
        )
    return server


def test_batches_are_listed_with_what_became_of_them(work: Running) -> None:
    listed = work.stepwell("batches", "list", MACHINE)
    assert [line.split()[:2] for line in listed.stdout.splitlines()[1:]] == [
        ["monday-11111111", "ACCEPTED"],
        ["tuesday-22222222", "SET_ASIDE"],
        ["wednesday-33333333", "QUARANTINED"],
    ]
    assert "it became QUARANTINED" in listed.stdout
    every = json.loads(work.stepwell("batches", "list", MACHINE, "--json").stdout)
    assert every[0]["objects"][0]["key"] == "data/monday-11111111.csv"


def test_a_batch_is_shown_with_objects_columns_and_history(work: Running) -> None:
    shown = work.stepwell("batches", "show", "retrain-ba", "monday").stdout
    assert "100: 80 to train on, 20 held out" in shown
    assert "DEPLOY (NOT_WORSE): It is not worse." in shown
    assert f"data/monday-11111111.csv  1234   v1       {'ab' * 32}" in shown
    assert "hour    number    2        0 .. 23, mean 11.5 ± 6.9" in shown
    assert "colour  category  0        red 60, blue 40" in shown
    assert "it became PREPARING" in shown and "run-1" in shown
    unread = work.stepwell("batches", "show", MACHINE, "wednesday")
    assert unread.returncode == 0 and "not read" in unread.stdout


def test_a_batch_is_withdrawn_and_accepted_with_who_and_why(work: Running) -> None:
    out = work.stepwell("batches", "withdraw", MACHINE, "monday-11111111", "--reason", "the sensor was off")
    assert out.stdout == "monday-11111111 is WITHDRAWN by arn:aws:iam::000000000000:root\n"
    again = work.stepwell("batches", "withdraw", MACHINE, "monday", "--reason", "the sensor was off")
    assert again.returncode == 1 and "can become ACCEPTED" in again.stderr
    back = work.stepwell("batches", "accept", MACHINE, "monday", "--reason", "it was on", "--json")
    found = json.loads(back.stdout)
    assert (found["status"], found["history"][-1]["why"]) == ("ACCEPTED", "it was on")
    assert [each["status"] for each in found["history"]][-2:] == ["WITHDRAWN", "ACCEPTED"]


def test_who_withdraws_what_a_run_waits_with_hears_that_it_waits_on(work: Running) -> None:
    out = work.stepwell("batches", "withdraw", MACHINE, "wednesday", "--reason", "a test file")
    assert out.returncode == 0 and "stepwell reject run-1" in out.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", MACHINE, "friday"), "there is no batch 'friday'. There are: "),
        (("list", "no-batches"), "no-batches is no retraining workflow's machine"),
        (("accept", MACHINE, "wednesday", "--reason", "why not"), "wednesday-33333333"),
    ],
)
def test_what_cannot_be_is_said(work: Running, arguments: tuple[str, ...], says: str) -> None:
    refused = work.stepwell("batches", *arguments)
    assert refused.returncode == 1
    assert says in refused.stderr
