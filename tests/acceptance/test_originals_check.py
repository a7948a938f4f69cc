"""What `stepwell check` finds in five programs as their authors wrote them, and what its mends leave.

The programs are no part of this repository: `STEPWELL_PROGRAMS` names the folder that holds them, or they
lie beside the repository in `shared/programs`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(os.environ.get("STEPWELL_PROGRAMS") or ROOT.parent / "shared" / "programs")

#: program → its findings, as (line, code)
FINDINGS: dict[str, set[tuple[int, str]]] = {
    "000-step-functions-retraining": {(23, "SW306"), (30, "SW604")},
    "001-event-driven-retraining": {
        (10, "SW102"),
        (11, "SW501"),
        (13, "SW504"),
        (14, "SW502"),
        (20, "SW102"),
        (21, "SW103"),
        (25, "SW405"),
        (35, "SW305"),
        (38, "SW204"),
        (48, "SW401"),
        (60, "SW603"),
    },
    "002-workflow-orchestration": {
        (31, "SW304"),
        (31, "SW405"),
        (31, "SW412"),
        (33, "SW413"),
        (46, "SW602"),
        (46, "SW803"),
    },
    "003-lambda-policies": {
        (28, "SW501"),
        (30, "SW502"),
        (36, "SW501"),
        (38, "SW502"),
        (58, "SW301"),
        (58, "SW306"),
        (66, "SW410"),
        (71, "SW410"),
        (82, "SW201"),
        (82, "SW206"),
    },
    "004-ssm-periodic-retraining": {
        (24, "SW303"),
        (41, "SW703"),
        (43, "SW705"),
        (54, "SW701"),
        (56, "SW707"),
        (60, "SW601"),
        (63, "SW704"),
    },
}
#: what `--target aws` adds
ON_AWS = {"004-ssm-periodic-retraining": {(43, "SW1007")}}
#: what `--fix` mends for certain
CERTAIN = {
    "000-step-functions-retraining": set[str](),
    "001-event-driven-retraining": {"SW103", "SW204", "SW504"},
    "002-workflow-orchestration": set[str](),
    "003-lambda-policies": {"SW201", "SW206", "SW301"},
    "004-ssm-periodic-retraining": {"SW701", "SW703", "SW707"},
}


def original(name: str) -> Path:
    """A program's folder; the test is skipped where it isn't at hand."""
    if not (PROGRAMS / name).is_dir():
        pytest.skip(f"{PROGRAMS} has no {name}: set STEPWELL_PROGRAMS to the folder of the programs")
    return PROGRAMS / name


def check(folder: Path, *options: str) -> list[dict[str, Any]]:
    """The findings, as the command prints them."""
    command = [sys.executable, "-m", "stepwell", "check", str(folder), "--json", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    found: list[dict[str, Any]] = json.loads(ended.stdout)
    assert ended.returncode == (1 if found else 0), ended.stderr
    return found


def places(findings: list[dict[str, Any]]) -> set[tuple[int, str]]:
    return {(each["line"], each["code"]) for each in findings}


@pytest.mark.parametrize("name", FINDINGS)
def test_what_stops_an_original_is_found_without_running_it(name: str) -> None:
    assert places(check(original(name))) == FINDINGS[name]


@pytest.mark.parametrize("name", FINDINGS)
def test_what_aws_would_refuse_of_an_original_is_found(name: str) -> None:
    found = places(check(original(name), "--target", "aws"))
    assert found == FINDINGS[name] | ON_AWS.get(name, set())


@pytest.mark.parametrize("name", FINDINGS)
def test_fix_mends_what_is_certain_and_leaves_the_rest(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    shutil.copytree(original(name), folder)
    before = {code for _, code in FINDINGS[name]}
    left = {each["code"] for each in check(folder, "--fix")}
    assert before - left == CERTAIN[name]
    assert left <= before
    text = (folder / "__main__.py").read_text()
    compile(text, name, "exec")
    assert {each["code"] for each in check(folder, "--fix")} == left
    assert (folder / "__main__.py").read_text() == text
