"""Tests of this workflow: `pytest examples/preprocess-predict`. Both functions are real, unless mocked.

The program is brought up once for all tests, and its server ends with them.
"""

import json
import pathlib

import pytest

from stepwell.testing import Stepwell, raises

HERE = pathlib.Path(__file__).parent
PATIENTS = json.loads((HERE / "data" / "patients.json").read_text())["patients"]


@pytest.fixture(scope="module")
def server():
    with Stepwell() as stepwell:
        yield stepwell


@pytest.fixture(scope="module")
def machine(server):
    """The machine under a name of its own, from the program's configuration."""
    return server.up(HERE, config={"name": "tested"})["machine"]


@pytest.fixture
def stepwell(server, machine):
    yield server
    server.unmock(machine)


def test_most_diagnoses_of_unseen_patients_are_right(stepwell, machine):
    execution = stepwell.start(machine, {"patients": PATIENTS}).wait()
    assert execution.states == ["Preprocess", "Predict"]
    predictions = execution.output["predictions"]
    right = [
        each["diagnosis"] == patient["diagnosis"] for each, patient in zip(predictions, PATIENTS, strict=True)
    ]
    assert sum(right) >= 0.9 * len(PATIENTS)


def test_a_measurement_that_is_no_number_ends_it_by_name(stepwell, machine):
    execution = stepwell.start(machine, {"patients": [{"patient": 7, "mean radius": "large"}]}).wait()
    assert (execution.states, execution.error) == (["Preprocess"], "InvalidPatient")
    assert "patient 7, mean radius: 'large'" in execution.cause


def test_only_measurements_reach_the_model(stepwell, machine):
    predict = stepwell.mock(machine, "Predict", returns={"predictions": []})
    stepwell.start(machine, {"patients": PATIENTS[:2]}).wait()
    assert [len(row) for row in predict.calls[0]["rows"]] == [5, 5]
    assert "diagnosis" not in predict.calls[0]


def test_a_busy_lambda_is_tried_again_with_longer_and_longer_pauses(stepwell, machine):
    busy = raises("Lambda.TooManyRequestsException", "Rate exceeded")
    stepwell.mock(machine, "Preprocess", busy)
    execution = stepwell.start(machine, {"patients": PATIENTS}).wait()
    assert execution.error == "Lambda.TooManyRequestsException"
    assert len(execution.calls("Preprocess")) == 4
    assert (execution.stopped - execution.started).total_seconds() == 1 + 2 + 4
