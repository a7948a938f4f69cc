"""What a workflow emits, as snapshots; that its machine is valid, and its policies name what there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from retrain.recording import IMAGE, PROGRAMS, SNAPSHOTS, everything, recorded, smallest, text

from stepwell import asl, retrain
from stepwell.retrain import (
    Column,
    DeclarationError,
    Deploy,
    Gate,
    Monitor,
    Prepare,
    RetrainingWorkflow,
    Slice,
    Train,
    Upload,
    When,
)
from stepwell.retrain.prepare import Settings

DOCS = Path(__file__).resolve().parents[3] / "docs"
ROLE = "aws:iam/role:Role "
MACHINE = "aws:sfn/stateMachine:StateMachine "
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2 "


@pytest.fixture(scope="module")
def emitted() -> dict[str, dict[str, Any]]:
    return {name: recorded(program) for name, program in PROGRAMS.items()}


@pytest.mark.parametrize("name", PROGRAMS)
def test_resources_and_policies_are_as_they_were_read(name: str, emitted: dict[str, Any]) -> None:
    """Whoever changes one runs recording.py and reads the difference."""
    assert text(emitted[name]) == (SNAPSHOTS / f"{name}.json").read_text()


def test_the_page_s_five_programs_in_one_can_be_declared() -> None:
    """In about twenty lines: uploads, a window, own preparation, training, a gate, a person's approval."""
    page = (DOCS / "retraining.md").read_text().partition("## Five small programs in one")[2]
    program = page.partition("```python\n")[2].partition("```")[0]
    names = {**vars(retrain), "IMAGE": IMAGE}
    names |= {each: getattr(retrain, each) for each in retrain.__all__}
    found = recorded(lambda: exec(program, names))
    assert len(program.splitlines()) <= 20
    assert {MACHINE + "scans", "aws:ssm/maintenanceWindow:MaintenanceWindow scans-window"} <= set(found)
    states = found[MACHINE + "scans"]["definition"]["json"]["States"]
    assert {"Prepare", "Train", "Gate", "AskApproval", "UpdateEndpoint"} <= set(states)


@pytest.mark.parametrize("name", PROGRAMS)
def test_machines_are_valid(name: str, emitted: dict[str, Any]) -> None:
    machines = {key: each for key, each in emitted[name].items() if key.startswith(MACHINE)}
    assert machines
    for each in machines.values():
        found = asl.validate(json.dumps(each["definition"]["json"]))
        assert [str(one) for one in found] == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_role_has_one_principal_and_one_user(name: str, emitted: dict[str, Any]) -> None:
    """A role that two things take on would give each the rights of both."""
    roles = {key: each for key, each in emitted[name].items() if key.startswith(ROLE)}
    for each in roles.values():
        (statement,) = each["assumeRolePolicy"]["json"]["Statement"]
        assert list(statement["Principal"]) == ["Service"]
        assert isinstance(statement["Principal"]["Service"], str)
        (policy,) = each["inlinePolicies"]
        sids = [one["Sid"] for one in policy["policy"]["json"]["Statement"]]
        assert len(set(sids)) == len(sids)


def statements(emitted: dict[str, Any], role: str) -> list[dict[str, Any]]:
    (policy,) = emitted[f"{ROLE}{role}"]["inlinePolicies"]
    found: list[dict[str, Any]] = policy["policy"]["json"]["Statement"]
    return found


def test_training_cannot_read_what_is_held_out(emitted: dict[str, Any]) -> None:
    """The training script is the user's; that it never sees trusted rows is not a matter of its manners."""
    read = [
        resource
        for each in statements(emitted["smallest"], "small-train")
        if "s3:GetObject" in each["Action"]
        for resource in each["Resource"]
    ]
    assert [one.partition(":::")[2].partition("/")[2] for one in read] == [
        "batches/*/train.csv",
        "runs/*/train.manifest",
        "code/train/*",
    ]


def test_only_the_gate_writes_evidence_but_the_ledger(emitted: dict[str, Any]) -> None:
    """The ledger adds who decided; the jobs and the model can't touch it."""
    writers = {
        role
        for role in ("prepare", "train", "gate", "serve", "machine", "start", "approvals", "ledger")
        for each in statements(emitted["smallest"], f"small-{role}")
        if "s3:PutObject" in each["Action"]
        and any("/runs/" in resource and "manifest" not in resource for resource in each["Resource"])
    }
    assert writers == {"gate", "ledger"}


def test_the_bucket_is_private_and_keeps_versions(emitted: dict[str, Any]) -> None:
    found = emitted["smallest"]
    (private,) = (each for key, each in found.items() if "PublicAccessBlock" in key)
    assert {value for key, value in private.items() if key != "bucket"} == {True}
    (versioned,) = (each for key, each in found.items() if "BucketVersioning" in key)
    assert versioned["versioningConfiguration"] == {"status": "Enabled"}


def test_a_given_bucket_is_left_as_it_is(emitted: dict[str, Any]) -> None:
    kinds = {key.partition(" ")[0].rpartition(":")[2] for key in emitted["everything"]}
    assert "Bucket" not in kinds
    assert "BucketVersioning" not in kinds


def test_prepare_is_told_what_it_takes(emitted: dict[str, Any]) -> None:
    """The job reads its configuration as it was declared; low bounds of 0 are bounds."""
    told = emitted["everything"][f"{OBJECT}everything-code-prepare.json"]["content"]["json"]
    settings = Settings.from_json(told)
    assert settings.names == ("label", "a", "b", "patient")
    assert (settings.columns[1].low, settings.columns[1].missing) == (0.0, True)
    assert (settings.held_out.by, settings.held_out.column) == ("column", "patient")
    assert settings.function == "rules:clean"


def test_nothing_is_served_without_deploy() -> None:
    def program() -> RetrainingWorkflow:
        return declared(deploy=None)

    found = recorded(program)
    states = found[f"{MACHINE}own"]["definition"]["json"]["States"]
    assert "CreateEndpoint" not in states
    assert "CloseRegistered" in states
    assert f"{ROLE}own-serve" not in found


def declared(name: str = "own", **changes: Any) -> RetrainingWorkflow:
    """A workflow of the least parts, with some of them changed."""
    parts: dict[str, Any] = {
        "triggers": [Upload()],
        "prepare": Prepare(
            columns=[Column(name="y", type="number"), Column(name="x", type="number")], label="y"
        ),
        "train": Train(image=IMAGE, code="jobs"),
        "gate": Gate(floor=1, metric="mae"),
    }
    return RetrainingWorkflow(name, **{**parts, **changes})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": "Digits"}, "RetrainingWorkflow's name is 2 to 32 lower-case letters"),
        ({"name": "a" * 33}, "not 'aaaa"),
        ({"name": "a--b"}, "single hyphens"),
        ({"triggers": Upload()}, "triggers is list or tuple, not Upload"),
        ({"triggers": ["data/"]}, "a trigger is Upload, Schedule or Window, not 'data/'"),
        ({"gate": 0.5}, "RetrainingWorkflow's gate is Gate, not 0.5"),
        ({"deploy": "endpoint"}, "RetrainingWorkflow's deploy is Deploy or None, not 'endpoint'"),
        ({"log_days": 31}, "log_days is one of 1, 3, 5, 7,"),
        ({"tags": {"n": 1}}, "tags is a dict of texts"),
        (
            {"gate": lambda: Gate(floor=1, slices=[Slice(column="z")])},
            "a column of Gate's slices and baselines: there is no 'z', but y, x",
        ),
        (
            {
                "prepare": lambda: Prepare(
                    columns=[Column(name="y", type="category"), Column(name="x", type="number")], label="y"
                )
            },
            "Gate's metric mae is for numbers, and the label's column is a category",
        ),
        ({"monitor": Monitor}, "a Monitor reads what an endpoint was asked: it needs Deploy(capture=0.2)"),
        ({"when": lambda: When(score_below=0.9)}, "it needs a Monitor"),
        (
            {"monitor": Monitor, "deploy": Deploy(capture=0.1), "triggers": [Upload(prefix="labels/")]},
            "overlap the prefix 'labels/' of Upload",
        ),
    ],
)  # fmt: skip
def test_parts_that_do_not_go_together_are_told(changes: dict[str, Any], told: str) -> None:
    """At declaration, and before anything is registered."""
    raised: list[DeclarationError] = []

    def program() -> None:
        try:
            declared(**{key: value() if callable(value) else value for key, value in changes.items()})
        except DeclarationError as error:
            raised.append(error)

    assert recorded(program) == {}
    assert told in str(raised[0])


def test_snapshots_are_of_all_parts() -> None:
    """What the larger program leaves out would be emitted unseen."""
    assert set(PROGRAMS.values()) == {smallest, everything}
