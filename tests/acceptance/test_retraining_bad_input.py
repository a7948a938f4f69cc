"""What a retraining workflow answers to input, models and people that aren't as they should be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from running import Running, ended, until
from seesaws import HEADER, Seesaw, batch, flipped

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]


@dataclass(frozen=True, kw_only=True)
class World:
    """A workflow that has a champion, and how it came by it."""

    seesaw: Seesaw
    #: the run of a batch without rows, when there was nothing to train on yet
    empty: str
    #: the run whose model could be judged and not served
    unserved: str
    #: the run that deployed the first champion
    first: str


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server of this module's own."""
    made = Running(tmp_path_factory.mktemp("server") / "data")
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def world(running: Running, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Its gate has a metric that fails for some labels."""
    gate = ', metric="judge:share", resamples=200'
    seesaw = Seesaw(running, tmp_path_factory.mktemp("program") / "seesaw", "seesaw", gate=gate)
    runs = {}
    for name, content in (
        ("empty", HEADER),
        ("unserved", fresh(note="answer: unserved")),
        ("first", fresh()),
    ):
        runs[name] = seesaw.upload(name, content)
        ended(running, runs[name])
    return World(seesaw=seesaw, **runs)


@pytest.fixture(scope="module")
def asking(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Seesaw:
    """A workflow whose models a person approves; its definition gives people a second."""
    approval = '\n    approval=Approval(within="1 minute"),'
    made = Seesaw(running, tmp_path_factory.mktemp("program") / "asking", "asking", more=approval)
    definition = json.loads(made.states.describe_state_machine(stateMachineArn=made.machine)["definition"])
    definition["States"]["AskApproval"]["Result"]["seconds"] = 1
    made.states.update_state_machine(stateMachineArn=made.machine, definition=json.dumps(definition))
    return made


_next = iter(range(0, 100_000_000, 100_000))


def fresh(**how: Any) -> bytes:
    """A batch of rows that no other has."""
    return batch(next(_next), **how)


def name_of(seesaw: Seesaw, run: str) -> str:
    """The batch of a run."""
    (found,) = (each["name"] for each in seesaw.records() if each["execution"] == run)
    return str(found)


def test_an_empty_first_batch_leaves_nothing_to_train_on(world: World) -> None:
    seesaw = world.seesaw
    error, cause = seesaw.fault(world.empty)
    assert error == "BatchInvalid"
    assert cause.startswith("there are no rows to train on, neither in empty-")
    record = seesaw.record(name_of(seesaw, world.empty))
    assert (record["status"], record["rows"], record["history"][-1]["why"]) == ("INVALID", 0, cause)


def test_an_endpoint_that_fails_at_its_first_deployment_is_made_anew_by_the_next_run(world: World) -> None:
    seesaw = world.seesaw
    error, cause = seesaw.fault(world.unserved)
    assert error == "DeploymentFailed"
    assert cause.startswith("The endpoint did not take the new model and is Failed with seesaw-")
    assert seesaw.record(name_of(seesaw, world.unserved))["status"] == "FAILED"
    output = seesaw.output(world.first)
    assert (output["outcome"], output["reason"], output["status"]) == (
        "DEPLOYED",
        "FIRST_CHAMPION",
        "ACCEPTED",
    )
    assert not seesaw.evidence(output["evidence"]).sources.champion
    passed = [
        each["stateEnteredEventDetails"]["name"]
        for each in seesaw.events(world.first)
        if "stateEnteredEventDetails" in each
    ]
    assert "DeleteEndpoint" in passed


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "EMPTY_BATCH"),
        (HEADER, "EMPTY_BATCH"),
        (fresh(rows=20), "TOO_FEW_ROWS"),
        (fresh(note="answer: nan"), "CHALLENGER_NAN"),
        (fresh(note="answer: shape"), "CHALLENGER_SHAPE"),
        (fresh(note="train: nothing"), "CHALLENGER_UNLOADABLE"),
        (fresh(side=lambda number: 9 if number % 12 else 0), "METRIC_FAILED"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_champion_stays_for_a_reason_that_speaks_against_the_batch(
    world: World, content: bytes, reason: str
) -> None:
    seesaw, champion = world.seesaw, world.seesaw.config()
    stem = f"{reason.lower().replace('_', '-')}-{len(content)}"
    output = seesaw.output(seesaw.upload(stem, content))
    assert (output["outcome"], output["reason"], output["status"]) == ("KEPT", reason, "SET_ASIDE")
    assert output["package"] is None
    record = seesaw.record(output["batch"])
    assert record["status"] == "SET_ASIDE"
    assert record["outcome"]["reason"] == reason
    assert seesaw.evidence(output["evidence"]).decision.sentence == output["sentence"]
    assert (seesaw.config(), seesaw.holder()) == (champion, None)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (fresh(side=lambda number: 5 + number % 5), "ONE_CLASS"),
        (fresh(label=lambda side: 2 if side == 3 else int(side > 4)), "NEW_CLASS"),
        (fresh(label=flipped), "BELOW_FLOOR"),
        (fresh(note="ask: raise"), "CHAMPION_RAISES"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_doubtful_batch_waits_for_a_person_and_what_is_rejected_stays_out(
    world: World, content: bytes, reason: str
) -> None:
    seesaw, champion = world.seesaw, world.seesaw.config()
    run = seesaw.upload(reason.lower().replace("_", "-"), content)
    asked = seesaw.asked(run)
    assert asked["asks"] == "release"
    record = seesaw.record(name_of(seesaw, run))
    assert (record["status"], record["outcome"]["reason"]) == ("QUARANTINED", reason)
    assert seesaw.evidence(asked["evidence"]).decision.outcome == "QUARANTINE"
    assert seesaw.holder() is None
    seesaw.decide(asked["package"], "Rejected", "it is wrong")
    output = seesaw.output(run)
    assert (output["outcome"], output["reason"], output["status"]) == ("REJECTED", reason, "REJECTED")
    assert seesaw.evidence(output["evidence"]).released.reason == "it is wrong"
    assert seesaw.config() == champion


def test_a_training_script_that_fails_fails_the_run_and_its_object_can_be_named_again(world: World) -> None:
    seesaw, champion = world.seesaw, world.seesaw.config()
    run = seesaw.upload("unlearnable", fresh(note="train: fail"))
    error, cause = seesaw.fault(run)
    assert error == "States.TaskFailed"
    assert cause.startswith("AlgorithmError") and "these rows cannot be learned" in cause
    record = seesaw.record(name_of(seesaw, run))
    assert (record["status"], record["history"][-1]["why"]) == ("FAILED", cause)
    assert (seesaw.config(), seesaw.holder()) == (champion, None)
    again = seesaw.start({"objects": [{"key": "data/unlearnable.csv"}]})
    assert seesaw.fault(again)[0] == "States.TaskFailed"
    history = [each["status"] for each in seesaw.record(record["name"])["history"]]
    assert history == ["PREPARING", "FAILED"] * 2


def test_a_champion_whose_artefact_is_gone_is_replaced_when_a_person_says_so(world: World) -> None:
    seesaw, champion = world.seesaw, world.seesaw.config()
    job = champion.rpartition("-")[0]
    seesaw.s3.delete_object(Bucket=seesaw.bucket, Key=f"models/{job}-train/output/model.tar.gz")
    run = seesaw.upload("orphaned", fresh())
    asked = seesaw.asked(run)
    record = seesaw.record(name_of(seesaw, run))
    assert (record["status"], record["outcome"]["reason"]) == ("QUARANTINED", "CHAMPION_MISSING")
    seesaw.decide(asked["package"], "Approved", "we deleted it")
    output = seesaw.output(run)
    assert (output["outcome"], output["reason"]) == ("DEPLOYED", "FIRST_CHAMPION")
    evidence = seesaw.evidence(output["evidence"])
    assert evidence.sources.champion["config"] == champion
    assert "WITHOUT_CHAMPION" in [each.code for each in evidence.notes]
    assert seesaw.config() == output["model"]


def test_two_batches_at_once_are_judged_one_after_the_other(world: World) -> None:
    seesaw, known = world.seesaw, world.seesaw.executions()
    for name in ("left", "right"):
        seesaw.put(f"data/{name}.csv", fresh())
    both = until(lambda: len(new := seesaw.executions() - known) == 2 and new)
    outputs = sorted(
        (seesaw.output(each) for each in both), key=lambda each: each["model"] == seesaw.config()
    )
    assert [each["outcome"] for each in outputs] == ["DEPLOYED"] * 2
    assert seesaw.evidence(outputs[1]["evidence"]).sources.champion["config"] == outputs[0]["model"]
    orders = [seesaw.record(each["batch"])["order"] for each in outputs]
    assert orders[1] == orders[0] + 1


def test_an_object_that_comes_twice_is_one_batch(world: World) -> None:
    """Uploaded again while the first is in hand, and again when it is accepted; and named by hand."""
    seesaw, content = world.seesaw, fresh(note="train: slowly")
    first = seesaw.upload("twice", content)
    until(lambda: seesaw.holder() == first)
    second = seesaw.upload("twice", content)
    output = seesaw.output(first)
    told = [seesaw.output(second)]
    told.append(seesaw.output(seesaw.upload("twice", content)))
    told.append(seesaw.output(seesaw.start({"objects": [{"key": "data/twice.csv"}]})))
    for each in told:
        assert (each["outcome"], each["batch"], each["status"]) == ("DUPLICATE", output["batch"], "ACCEPTED")
    assert len([each for each in seesaw.records() if each["name"].startswith("twice-")]) == 1


def test_an_object_that_is_overwritten_while_it_waits_is_left_to_the_newer_event(world: World) -> None:
    seesaw = world.seesaw
    busy = seesaw.upload("busy", fresh(note="train: slowly"))
    until(lambda: seesaw.holder() == busy)
    old = seesaw.upload("changing", fresh(label=flipped))
    new = seesaw.upload("changing", fresh())
    told = seesaw.output(old)
    assert told["outcome"] == "NOTHING_NEW"
    assert told["sentence"].startswith("data/changing.csv: overwritten")
    assert seesaw.output(new)["outcome"] == "DEPLOYED"
    assert seesaw.output(busy)["status"] == "ACCEPTED"


def test_an_object_that_is_overwritten_while_it_is_read_is_no_batch(world: World) -> None:
    seesaw = world.seesaw
    old = seesaw.upload("restless", fresh(rows=40_000))
    until(lambda: seesaw.instant(old)[0] == "Prepare", 20)
    new = seesaw.upload("restless", fresh())
    error, cause = seesaw.fault(old)
    assert (error, cause) == (
        "BatchInvalid",
        "data/restless.csv changed while it was read: its newer version is another batch's",
    )
    assert seesaw.record(name_of(seesaw, old))["status"] == "INVALID"
    assert seesaw.output(new)["outcome"] == "DEPLOYED"


def test_a_release_is_judged_against_the_champion_of_that_time(world: World) -> None:
    seesaw = world.seesaw
    doubtful = seesaw.upload("doubtful", fresh(label=flipped, rows=6000))
    asked = seesaw.asked(doubtful)
    newer = seesaw.output(seesaw.upload("newer", fresh()))
    seesaw.decide(asked["package"], "Approved", "they were renumbered")
    output = seesaw.output(doubtful)
    assert (output["outcome"], output["reason"], output["status"]) == (
        "KEPT",
        "WORSE_ON_TRUSTED",
        "SET_ASIDE",
    )
    evidence = seesaw.evidence(output["evidence"])
    assert evidence.sources.champion["config"] == newer["model"] == seesaw.config()
    assert newer["batch"] in evidence.sources.trusted
    assert evidence.released.reason == "they were renumbered"
    assert status_of(seesaw, asked["package"]) == ("Rejected", "The gate: WORSE_ON_TRUSTED")


def status_of(seesaw: Seesaw, package: str) -> tuple[str, str]:
    """A package's approval status and its description."""
    found = seesaw.sagemaker.describe_model_package(ModelPackageName=package)
    return found["ModelApprovalStatus"], found["ApprovalDescription"]


def test_a_batch_that_is_withdrawn_while_it_waits_is_not_used_whatever_is_said_later(world: World) -> None:
    seesaw, champion = world.seesaw, world.seesaw.config()
    run = seesaw.upload("withdrawn", fresh(label=flipped))
    asked, name = seesaw.asked(run), name_of(seesaw, run)
    done = seesaw.server.stepwell("batches", "withdraw", "seesaw", name, "--reason", "it was a test")
    assert done.returncode == 0, done.stderr
    seesaw.decide(asked["package"], "Approved", "I did not know")
    error, cause = seesaw.fault(run)
    assert error == "BatchWithdrawn"
    assert cause.startswith(f"{name} was withdrawn by arn:aws:iam::000000000000:root at ")
    assert seesaw.record(name)["status"] == "WITHDRAWN"
    assert (seesaw.config(), seesaw.holder()) == (champion, None)
    assert status_of(seesaw, asked["package"]) == ("Rejected", "The run failed: BatchWithdrawn")


def test_an_endpoint_that_is_deleted_between_gate_and_deployment_is_made_by_a_first_champion(
    world: World,
) -> None:
    seesaw = world.seesaw
    run = seesaw.upload("abandoned", fresh(note="ask: slowly"))
    until(lambda: seesaw.instant(run) == ("Gate", "TaskSubmitted"), 20)
    champion = seesaw.config()
    seesaw.sagemaker.delete_endpoint(EndpointName=seesaw.endpoint)
    output = seesaw.output(run)
    assert (output["outcome"], output["reason"]) == ("DEPLOYED", "FIRST_CHAMPION")
    assert seesaw.config() == output["model"] != champion
    first = output["evidence"].replace("gate-2", "gate-1")
    assert seesaw.evidence(first).sources.champion["config"] == champion
    assert not seesaw.evidence(output["evidence"]).sources.champion


def test_a_model_that_an_endpoint_does_not_take_leaves_the_champion_in_service(world: World) -> None:
    seesaw, champion = world.seesaw, world.seesaw.config()
    run = seesaw.upload("unserved-later", fresh(note="answer: unserved"))
    error, cause = seesaw.fault(run)
    assert (error, cause) == (
        "DeploymentFailed",
        f"The endpoint did not take the new model and is InService with {champion}.",
    )
    assert seesaw.record(name_of(seesaw, run))["status"] == "FAILED"
    assert (seesaw.config(), seesaw.holder()) == (champion, None)


def test_a_run_that_is_stopped_gives_its_turn_to_the_next(world: World) -> None:
    seesaw = world.seesaw
    stopped = seesaw.upload("stopped", fresh(note="train: slowly"))
    until(lambda: seesaw.instant(stopped) == ("Train", "TaskSubmitted"), 20)
    after = seesaw.upload("after", fresh())
    until(lambda: any(each["type"] == "LambdaFunctionFailed" for each in seesaw.events(after)), 20)
    seesaw.states.stop_execution(executionArn=stopped)
    assert seesaw.output(after)["outcome"] == "DEPLOYED"
    record = seesaw.record(name_of(seesaw, stopped))
    assert (record["status"], record["history"][-1]["by"]) == ("FAILED", after)
    assert record["history"][-1]["why"] == "Its run had ended and left it open."
    again = seesaw.output(seesaw.start({"objects": [{"key": "data/stopped.csv"}]}))
    assert (again["outcome"], again["batch"]) == ("DEPLOYED", record["name"])


@pytest.mark.parametrize(
    ("given", "error", "cause"),
    [
        ([1], "InputInvalid", "an execution's input is an object, not [1]"),
        ([], "InputInvalid", "an execution's input is an object, not []"),
        ("x", "InputInvalid", "an execution's input is an object, not 'x'"),
        ({"objects": 3}, "InputInvalid", 'objects is an array of objects with a "key"'),
        ({"objects": []}, "InputInvalid", 'objects is an array of objects with a "key"'),
        ({"objects": [{"key": 3}]}, "InputInvalid", 'objects is an array of objects with a "key"'),
        ({"objects": [{"key": "data/first.csv", "size": "x"}]}, "InputInvalid", "objects is an array"),
        (
            {"objects": [{"key": "code/settings.json"}]},
            "InputInvalid",
            "code/settings.json is none of the workflow's",
        ),
        ({"objects": [{"key": "data/nowhere.csv"}]}, "ObjectAbsent", "s3://seesaw-"),
    ],
    ids=str,
)
def test_what_is_started_by_hand_with_junk_says_so_and_gives_its_turn_away(
    world: World, given: Any, error: str, cause: str
) -> None:
    seesaw = world.seesaw
    found = seesaw.fault(seesaw.start(given))
    told = json.loads(found[1])["errorMessage"]
    assert (found[0], told[: len(cause)]) == (error, cause)
    assert seesaw.holder() is None


def test_an_approval_after_the_time_out_changes_nothing(asking: Seesaw) -> None:
    """By the command it is refused, by boto3 it is the package's status and nothing else."""
    run = asking.upload("late", fresh())
    package = asking.asked(run)["package"]
    output = asking.output(run)
    assert (output["outcome"], output["status"]) == ("EXPIRED", "EXPIRED")
    assert status_of(asking, package) == ("Rejected", "Nobody decided in time.")
    refused = asking.server.stepwell("approve", output["execution"], "--reason", "at last")
    assert refused.returncode == 1
    assert "waits for nobody: it ended as SUCCEEDED" in refused.stderr
    asking.decide(package, "Approved", "at last")
    until(lambda: asking.document(f"approvals/asking-{package.rpartition('/')[2]}.json") is None, 20)
    assert asking.record(output["batch"])["status"] == "EXPIRED"
    assert asking.evidence(output["evidence"]).released is None
    with pytest.raises(asking.sagemaker.exceptions.ClientError, match="Could not find"):
        asking.config()
    again = asking.start({"objects": [{"key": "data/late.csv"}]})
    asking.decide(asking.asked(again)["package"], "Approved", "in time")
    assert asking.output(again)["outcome"] == "DEPLOYED"
