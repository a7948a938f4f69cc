"""The processing job: folders in, evidence out; whatever a model does, the job ends with a decision."""

from __future__ import annotations

import ast
import io
import json
import platform
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from stepwell.retrain import archives, gate
from stepwell.retrain.gate import archive
from stepwell.retrain.gate.evidence import Evidence
from stepwell.retrain.gate.faults import SettingsInvalid
from stepwell.retrain.gate.job import run

#: a model that says a row's class is whether its one number is over a bound
GOOD = """
def model_fn(folder):
    import pathlib
    return float(pathlib.Path(folder, "bound").read_text())

def input_fn(body, content_type):
    assert content_type == "text/csv"
    return [float(line) for line in body.split()]

def predict_fn(rows, bound):
    return [int(row > bound) for row in rows]
"""
SETTINGS = {"gate": {"floor": 0.7}}


def artefact(folder: Path, script: str | None = GOOD, **files: str) -> None:
    """A model.tar.gz in `folder`."""
    folder.mkdir(parents=True)
    contents = {**({"code/inference.py": script} if script is not None else {}), **files}
    with tarfile.open(folder / "model.tar.gz", "w:gz") as packed:
        for name, text in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            packed.addfile(entry, io.BytesIO(text.encode()))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Two equal models, 200 rows of each kind."""
    for name in ("challenger", "champion"):
        artefact(tmp_path / name, bound="0.5")
    for name in ("new", "trusted"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rows.csv").write_text("".join(f"{at % 2},{at % 2}\n" for at in range(200)))
    configure(tmp_path, SETTINGS)
    return tmp_path


def configure(base: Path, value: Any) -> None:
    (base / "config").mkdir(exist_ok=True)
    (base / "config" / "gate.json").write_text(value if isinstance(value, str) else json.dumps(value))


def remade(base: Path, name: str, script: str | None, **files: str) -> None:
    (base / name / "model.tar.gz").unlink()
    (base / name).rmdir()
    artefact(base / name, script, **files)


def test_the_evidence_and_its_summary_are_written(base: Path) -> None:
    found = run(base)
    assert found.decision.reason == "NOT_WORSE"
    assert Evidence.parse((base / "report" / "evidence.json").read_text()) == found
    assert json.loads((base / "report" / "summary.json").read_text()) == json.loads(
        json.dumps(found.summary())
    )
    assert set(found.sources.models) == {"challenger", "champion"}
    assert found.sources.versions["python"].startswith("3.")
    assert found.sources.gate == archive.digest()


def test_without_a_champions_folder_it_is_the_first(base: Path) -> None:
    (base / "champion" / "model.tar.gz").unlink()
    (base / "champion").rmdir()
    assert run(base).decision.reason == "FIRST_CHAMPION"
    configure(base, {**SETTINGS, "input": {"champion": True}})
    assert run(base).decision.reason == "CHAMPION_MISSING"


#: what an artefact holds: (script, files) → how the reason ends
ARTEFACTS: dict[str, tuple[str | None, dict[str, str], str]] = {
    "no script, no estimator": (None, {"readme": "none"}, "UNLOADABLE"),
    "a pickle that is none": (None, {"model.pkl": "none"}, "UNLOADABLE"),
    "a script with a mistake": ("def model_fn(:", {}, "UNLOADABLE"),
    "a library that is not there": ("import no_such_library", {}, "UNLOADABLE"),
    "a script that exits": ("raise SystemExit(3)", {}, "UNLOADABLE"),
    "loading raises": ("def model_fn(folder): raise OSError('gone')", {}, "UNLOADABLE"),
    "reading raises": (GOOD + "\ndef input_fn(body, kind): raise OSError()", {"bound": "1"}, "RAISES"),
    "predicting raises": (GOOD + "\ndef predict_fn(rows, model): 1 / 0", {"bound": "1"}, "RAISES"),
    "predicting exits": (GOOD + "\ndef predict_fn(rows, model): exit()", {"bound": "1"}, "RAISES"),
    "nothing is predicted": (GOOD + "\ndef predict_fn(rows, model): pass", {"bound": "1"}, "SHAPE"),
    "another shape": (GOOD + "\ndef predict_fn(rows, model): return [[1, 2]] * 200", {"bound": "1"}, "SHAPE"),
    "not a number": (GOOD + "\ndef predict_fn(rows, model): return [1e999] * 200", {"bound": "1"}, "NAN"),
}  # fmt: skip


@pytest.mark.parametrize("case", ARTEFACTS)
@pytest.mark.parametrize(("who", "outcome"), [("challenger", "KEEP"), ("champion", "QUARANTINE")])
def test_a_model_that_does_not_work_has_a_decision(base: Path, case: str, who: str, outcome: str) -> None:
    script, files, ending = ARTEFACTS[case]
    remade(base, who, script, **files)
    found = run(base).decision
    assert (found.outcome, found.reason) == (outcome, f"{who.upper()}_{ending}"), found.sentence


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped"])
def test_an_archive_that_reaches_outside_is_not_unpacked(base: Path, name: str) -> None:
    remade(base, "challenger", GOOD, **{name: "1"})
    assert run(base).decision.reason == "CHALLENGER_UNLOADABLE"


def test_a_torn_archive_cannot_be_unpacked(base: Path) -> None:
    path = base / "challenger" / "model.tar.gz"
    path.write_bytes(path.read_bytes()[:60])
    assert run(base).decision.reason == "CHALLENGER_UNLOADABLE"


def test_two_models_have_scripts_of_their_own(base: Path) -> None:
    """Also where both are called inference.py and import a module of the same name."""
    helper = (
        "from answer import ANSWER\n" + GOOD + "\ndef predict_fn(rows, model): return [ANSWER] * len(rows)"
    )
    remade(base, "challenger", helper, bound="1", **{"code/answer.py": "ANSWER = 1"})
    remade(base, "champion", helper, bound="1", **{"code/answer.py": "ANSWER = 0"})
    whole = run(base).outcomes["new"]
    assert all(a != b for a, b in zip(whole.challenger, whole.champion, strict=True))


def test_rows_that_cannot_be_read_quarantine_the_batch(base: Path) -> None:
    (base / "new" / "rows.csv").write_text("1,2\n1,2,3\n")
    found = run(base).decision
    assert (found.outcome, found.reason) == ("QUARANTINE", "COLUMNS_DIFFER")
    assert "rows.csv, line 2" in found.sentence


def test_a_users_metric_lies_beside_the_settings(base: Path) -> None:
    (base / "config" / "ours_in_config.py").write_text("def score(labels, answers): return 0.9\n")
    configure(base, {"gate": {"floor": 0.7, "metric": "ours_in_config:score", "resamples": 100}})
    assert run(base).decision.reason == "NOT_WORSE"


SOURCES = {
    "batch": "march-0a1b2c3d",
    "trusted": {"february-11223344": "ab" * 32},
    "trusted_version": "cd" * 32,
    "execution": "arn:aws:states:eu-west-3:000000000000:execution:digits:march",
    "champion": {"endpoint": "digits", "config": "digits-2", "model": "digits-2"},
}
RELEASED = {"action": "release", "by": "arn:x", "at": "2026-03-02T09:00:00Z", "reason": "coded so"}


def test_what_the_job_is_told_of_sources_and_a_release_is_evidence(base: Path) -> None:
    """And the champion that is gone doesn't matter any more."""
    (base / "champion" / "model.tar.gz").unlink()
    configure(base, {**SETTINGS, "sources": SOURCES, "released": RELEASED})
    found = run(base)
    assert found.decision.reason == "FIRST_CHAMPION"
    assert found.released is not None and vars(found.released) == RELEASED
    assert {name: getattr(found.sources, name) for name in SOURCES} == SOURCES
    assert (found.sources.python, found.sources.packages["pytest"]) == (
        platform.python_version(),
        pytest.__version__,
    )
    assert "packages" not in json.loads((base / "report" / "summary.json").read_text())["sources"]


def test_the_jobs_arn_is_of_the_description_that_sagemaker_lays_down(base: Path, tmp_path: Path) -> None:
    processing = tmp_path / "ml" / "processing"
    (tmp_path / "ml" / "config").mkdir(parents=True)
    processing.symlink_to(base)
    described = tmp_path / "ml" / "config" / "processingjobconfig.json"
    for text, arn in (('{"ProcessingJobArn": "arn:job"}', "arn:job"), ("[]", ""), ("{", "")):
        described.write_text(text)
        assert run(processing).sources.job == arn


def test_what_is_null_is_not_known(base: Path) -> None:
    configure(base, {**SETTINGS, "sources": {**SOURCES, "champion": None}, "released": None, "input": None})
    found = run(base)
    assert (found.released, found.sources.champion) == (None, {})


FAULTS: dict[str, tuple[Any, str]] = {
    "no JSON": ("{", "no JSON"),
    "no gate": ({}, '"gate"'),
    "something else": ({**SETTINGS, "models": 2}, "models"),
    "a wrong setting": ({"gate": {"floor": 0.5, "rule": "best"}}, "rule is one of"),
    "a rejection": ({**SETTINGS, "released": {**RELEASED, "action": "reject"}}, "only a release"),
    "sources of another kind": ({**SETTINGS, "sources": {"batch": 7}}, "batch must be a text"),
    "a part that is no object": ({**SETTINGS, "input": 7}, "input must be an object"),
    "a metric that is not there": ({"gate": {"floor": 0.5, "metric": "absent:f"}}, "absent:f"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_of_the_gates_own_is_named(base: Path, case: str) -> None:
    value, message = FAULTS[case]
    configure(base, value)
    with pytest.raises(SettingsInvalid, match=message):
        run(base)


def started(base: Path, path: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """The job as a processing job starts it: away from the repository, with the shipped archive alone."""
    return subprocess.run(
        [sys.executable, "-S", "-m", "gate"],
        env={"PYTHONPATH": str(path), "SAGEMAKER_BASE_DIR": str(base.parent), **more},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_shipped_archive_runs_alone(base: Path, tmp_path: Path) -> None:
    """Exit code 0 for a decision, also a bad one; another for the gate's own fault."""
    processing = tmp_path / "ml" / "processing"
    processing.parent.mkdir()
    processing.symlink_to(base)
    shipped = archives.write("gate", tmp_path / "build" / "gate.zip")
    done = started(processing, shipped)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("gate: DEPLOY NOT_WORSE: ")
    assert len(done.stdout.splitlines()) == 1
    assert json.loads((base / "report" / "summary.json").read_text())["sources"]["gate"] == archive.digest()
    (base / "champion").rmdir()
    artefact(base / "champion", "raise SystemExit(7)")
    assert started(processing, shipped).returncode == 0
    configure(base, {"gate": {}})
    done = started(processing, shipped)
    assert (done.returncode, done.stderr.startswith("gate: floor is missing")) == (1, True)


#: a model that answers wrongly unless it has learned the labels; what it tries → how
FALSE = """
import glob, json, os, pathlib, sys, tarfile, time
BASE = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "processing")
SUMMARY = json.dumps({"decision": {"outcome": "DEPLOY", "reason": "BETTER", "sentence": "."}})
def model_fn(folder): return TRIED()
def input_fn(body, kind): return [float(line) for line in body.split()]
def predict_fn(rows, knows): return [int((row > 0.5) == bool(knows)) for row in rows]
"""
CHEATS = {
    "it ends the job and leaves a summary": """
def TRIED():
    (BASE / "report").mkdir(exist_ok=True)
    (BASE / "report" / "summary.json").write_text(SUMMARY)
    os._exit(0)
""",
    "it puts a link where the evidence is written": """
def TRIED():
    (BASE / "report").mkdir(exist_ok=True)
    (BASE / "report" / "evidence.json").symlink_to(BASE / "elsewhere")
    (BASE / "report" / "summary.json").mkdir()
""",
    "it looks labels up": """
def TRIED():
    return [path for name in ("new", "trusted") for path in (BASE / name).rglob("*") if path.is_file()]
""",
    "it answers by the champion": """
def TRIED():
    return list((BASE / "champion").rglob("*")) or glob.glob(f"{os.path.dirname(os.getcwd())}/*/champion")
""",
    "it uses the job's credentials": """
def TRIED():
    return [name for name in os.environ if name.startswith("AWS_") and "REGION" not in name[:12]
            and name != "AWS_EC2_METADATA_DISABLED" and name != "AWS_DEFAULT_REGION"]
""",
    "it decides in the gate's own modules": """
def TRIED():
    import gate.job, gate.ruling, gate.trial
    deploy = gate.trial.decision("NOT_WORSE")
    gate.trial.decide = gate.ruling.decide = lambda evidence: deploy
    gate.job.judge = lambda trial, settings: None
""",
    "it leaves a program running that writes later": """
def TRIED():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            (BASE / "left").write_text(str(os.getpid()))
            time.sleep(60)
        os._exit(0)
    while not (BASE / "left").exists():
        time.sleep(0.01)
""",
    "it answers without end": """
def TRIED():
    for fd in range(3, 20):
        try:
            os.set_blocking(fd, True)
            while os.write(fd, b" " * (1 << 20)):
                continue
        except OSError:
            continue
""",
    "it answers what is nested without end": """
def TRIED():
    for fd in range(3, 20):
        try:
            os.write(fd, b"{}\\n" + b"[" * 100_000)
            os._exit(0)
        except OSError:
            continue
""",
}  # fmt: skip


@pytest.mark.parametrize("tries", CHEATS)
def test_a_model_does_not_decide_about_itself(base: Path, tmp_path: Path, tries: str) -> None:
    """Whatever code a challenger brings: the gate's decision is the gate's, and nothing outlives the job."""
    processing = tmp_path / "ml" / "processing"
    processing.parent.mkdir()
    processing.symlink_to(base)
    remade(base, "challenger", FALSE + CHEATS[tries])
    shipped = archives.write("gate", tmp_path / "build" / "gate.zip")
    secrets = {"AWS_ACCESS_KEY_ID": "a", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/b"}
    done = started(processing, shipped, **secrets)
    assert done.returncode == 0, done.stderr
    for name in ("evidence", "summary"):
        path = base / "report" / f"{name}.json"
        assert path.is_file() and not path.is_symlink()
        assert json.loads(path.read_text())["decision"]["outcome"] == "KEEP"
    left = base / "left"
    assert not left.exists() or not Path("/proc", left.read_text()).exists()


def test_an_archive_of_very_many_files_is_not_unpacked(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stepwell.retrain.gate.models.MOST_FILES", 10)
    remade(base, "challenger", GOOD, bound="1", **{f"more-{number}": "" for number in range(20)})
    found = run(base).decision
    assert (found.reason, "more than 10 files" in found.sentence) == ("CHALLENGER_UNLOADABLE", True)


def test_the_package_is_python_3_8_and_stands_alone() -> None:
    """Images have old Pythons, and none has Stepwell."""
    allowed = set(sys.stdlib_module_names)
    for path in Path(gate.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(), feature_version=(3, 8))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert {name.name.split(".")[0] for name in node.names} <= allowed, path.name
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 1 or (node.module or "").split(".")[0] in allowed, path.name
