"""The training program keeps the contract of SageMaker's training toolkit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any

import pytest
import uv

from stepwell.workers.containment import INSIDE


class Folder:
    """A job's /opt/ml somewhere else."""

    def __init__(self, base: Path) -> None:
        self.base = base
        (base / "input" / "config").mkdir(parents=True)
        (base / "code").mkdir()

    def config(self, name: str, value: Any) -> None:
        (self.base / "input" / "config" / f"{name}.json").write_text(json.dumps(value))

    def script(self, source: str, name: str = "code/train.py") -> None:
        path = self.base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))

    def start(self, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-s", str(INSIDE / "train.py")],
            env={
                "SAGEMAKER_BASE_DIR": str(self.base),
                "PATH": os.defpath,
                "PYTHONUNBUFFERED": "1",
                **variables,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def train(self, **variables: str) -> tuple[int, str]:
        process = self.start(**variables)
        output = process.communicate(timeout=30)[0]
        return process.returncode, output

    def output(self, name: str) -> str | None:
        path = self.base / "output" / name
        return path.read_text() if path.exists() else None


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "ml")
    made.config("hyperparameters", {"sagemaker_program": "train.py"})
    return made


ECHO = """
import json, os, sys
print("ARGV", json.dumps(sys.argv[1:]))
print("ENV", json.dumps(dict(os.environ)))
"""


def told(output: str, word: str) -> Any:
    line = next(line for line in output.splitlines() if line.startswith(word + " "))
    return json.loads(line[len(word) + 1 :])


HYPERPARAMETERS = [
    ({"epochs": "3"}, ["--epochs", "3"]),
    ({"b": "2", "a": "1"}, ["-a", "1", "-b", "2"]),
    ({"name": '"quoted"'}, ["--name", "quoted"]),
    ({"name": "plain text"}, ["--name", "plain text"]),
    ({"flag": "true"}, ["--flag", "True"]),
    ({"none": "null"}, ["--none", ""]),
    ({"map": '{"y": 2, "x": 1}'}, ["--map", "x=1,y=2"]),
    ({"list": "[1, 2]"}, ["--list", "[1, 2]"]),
    ({"sagemaker_region": "us-east-1", "lr": "0.1"}, ["--lr", "0.1"]),
]


@pytest.mark.parametrize(("given", "expected"), HYPERPARAMETERS)
def test_hyperparameters_become_arguments(folder: Folder, given: dict[str, str], expected: list[str]) -> None:
    folder.config("hyperparameters", {"sagemaker_program": "train.py", **given})
    folder.script(ECHO)
    code, output = folder.train()
    assert code == 0, output
    assert told(output, "ARGV") == expected
    assert folder.output("success") == ""
    assert folder.output("failure") is None


def test_the_script_gets_its_variables(folder: Folder) -> None:
    folder.config("hyperparameters", {"sagemaker_program": "train.py", "n-trees": "10", "name": "x"})
    folder.config("inputdataconfig", {"train": {"TrainingInputMode": "File"}, "test": {}})
    group = {"instance_type": "ml.m5.large", "instance_group_name": "homogeneousCluster", "hosts": ["algo-1"]}
    folder.config(
        "resourceconfig",
        {
            "current_host": "algo-1",
            "hosts": ["algo-1"],
            "network_interface_name": "eth0",
            "current_instance_type": "ml.m5.large",
            "current_group_name": "homogeneousCluster",
            "instance_groups": [group],
        },
    )
    folder.script(ECHO)
    _, output = folder.train(TRAINING_JOB_NAME="job-1")
    environment = told(output, "ENV")
    base = str(folder.base)
    expected = {
        "SM_MODEL_DIR": f"{base}/model",
        "SM_OUTPUT_DATA_DIR": f"{base}/output/data",
        "SM_OUTPUT_DIR": f"{base}/output",
        "SM_INPUT_DIR": f"{base}/input",
        "SM_INPUT_CONFIG_DIR": f"{base}/input/config",
        "SM_CHANNELS": '["test","train"]',
        "SM_CHANNEL_TRAIN": f"{base}/input/data/train",
        "SM_HP_N-TREES": "10",
        "SM_HP_NAME": "x",
        "SM_HPS": '{"n-trees":10,"name":"x"}',
        "SM_USER_ARGS": '["--n-trees","10","--name","x"]',
        "SM_HOSTS": '["algo-1"]',
        "SM_CURRENT_HOST": "algo-1",
        "SM_CURRENT_INSTANCE_TYPE": "ml.m5.large",
        "SM_INSTANCE_GROUPS": '["homogeneousCluster"]',
        "SM_MODULE_NAME": "train",
        "SM_USER_ENTRY_POINT": "train.py",
        "SM_NETWORK_INTERFACE_NAME": "eth0",
        "TRAINING_JOB_NAME": "job-1",
    }
    assert {name: environment[name] for name in expected} == expected
    assert json.loads(environment["SM_TRAINING_ENV"])["job_name"] == "job-1"


@pytest.mark.parametrize(
    ("variable", "parameter", "runs"),
    [("a.py", "b.py", "a"), (None, "b.py", "b"), ("a.py", None, "a")],
)
def test_the_program_s_variable_beats_its_hyperparameter(
    folder: Folder, variable: str | None, parameter: str | None, runs: str
) -> None:
    folder.config("hyperparameters", {} if parameter is None else {"sagemaker_program": parameter})
    folder.script("print('ran a')", "code/a.py")
    folder.script("print('ran b')", "code/b.py")
    _, output = folder.train(**({} if variable is None else {"SAGEMAKER_PROGRAM": variable}))
    assert f"ran {runs}" in output.splitlines()


def test_the_submit_directory_s_hyperparameter_beats_its_variable(folder: Folder) -> None:
    elsewhere = folder.base / "elsewhere"
    folder.config(
        "hyperparameters",
        {"sagemaker_program": "train.py", "sagemaker_submit_directory": json.dumps(str(elsewhere))},
    )
    folder.script("import mate; print('elsewhere')", "elsewhere/train.py")
    folder.script("", "elsewhere/mate.py")
    folder.script("print('code')")
    _, output = folder.train(SAGEMAKER_SUBMIT_DIRECTORY=str(folder.base / "code"))
    assert "elsewhere" in output.splitlines()


def test_a_shell_script_runs(folder: Folder) -> None:
    folder.config("hyperparameters", {"sagemaker_program": "train.sh", "a": "1"})
    folder.script('#!/bin/sh\necho "args $@"', "code/train.sh")
    (folder.base / "code" / "train.sh").chmod(0o755)
    _, output = folder.train()
    assert "args -a 1" in output.splitlines()


def test_a_failing_script_leaves_its_last_words_as_the_failure(folder: Folder) -> None:
    folder.script("import sys; print('working'); raise RuntimeError('no data')")
    code, output = folder.train()
    failure = folder.output("failure") or ""
    assert code == 1
    assert failure.startswith('ExecuteUserScriptError:\nExitCode 1\nErrorMessage "Traceback')
    assert "RuntimeError: no data" in failure
    assert failure.splitlines()[-1].startswith('Command "')
    assert "working" in output
    assert folder.output("success") is None


def test_a_missing_program_is_named(folder: Folder) -> None:
    folder.config("hyperparameters", {})
    code, _ = folder.train()
    assert code == 1
    assert "set the hyperparameter sagemaker_program" in (folder.output("failure") or "")


def test_a_broken_configuration_is_a_framework_error(folder: Folder) -> None:
    folder.config("resourceconfig", {"hosts": []})
    code, _ = folder.train()
    assert code == 1
    assert (folder.output("failure") or "").startswith("Framework Error:")


def wheel(folder: Path, name: str, needs: str = "") -> None:
    """The smallest package: one module that says its name."""
    needed = f"Requires-Dist: {needs}\n" if needs else ""
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", f"print('this is {name}')")
        about = f"{name}-1.0.dist-info"
        file.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needed}")
        file.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{about}/RECORD", "")


def test_requirements_are_installed_for_this_job_and_what_is_there_stays(folder: Folder) -> None:
    """pytest is in the environment that runs the tests: it agrees, so it is not installed again."""
    folder.script("import demo, os; print(sorted(os.listdir(os.environ['SM_MODEL_DIR'] + '/../packages')))")
    wheel(folder.base / "code", "demo", needs="pytest")
    folder.script("./demo-1.0-py3-none-any.whl\n", "code/requirements.txt")
    code, output = folder.train(UV_OFFLINE="1", UV_NO_INDEX="1", STEPWELL_UV=uv.find_uv_bin())
    assert code == 0, output
    assert "this is demo" in output.splitlines()
    installed = output.splitlines()[-2]
    assert "demo.py" in installed
    assert "pytest" not in installed


def test_requirements_that_cannot_be_installed_fail_the_job(folder: Folder) -> None:
    folder.script("print('never')")
    folder.script("./no-such-folder", "code/requirements.txt")
    code, output = folder.train()
    assert code == 1
    assert (folder.output("failure") or "").startswith("InstallRequirementsError:")
    assert "never" not in output.splitlines()


def test_a_script_hears_of_a_stop_and_saves_its_work(folder: Folder) -> None:
    folder.script("""
        import os, signal, sys, time
        def save(*_):
            open(os.path.join(os.environ["SM_MODEL_DIR"], "model"), "w").write("saved")
            sys.exit(0)
        signal.signal(signal.SIGTERM, save)
        print("up")
        while True: time.sleep(1)
    """)
    process = folder.start()
    assert process.stdout is not None
    while process.stdout.readline() != "up\n":
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == 0
    assert (folder.base / "model" / "model").read_text() == "saved"


def test_a_stop_before_the_script_has_begun_is_handed_on_to_it(folder: Folder) -> None:
    folder.script("import time; time.sleep(60)")
    early = textwrap.dedent(f"""
        import os, runpy, signal, subprocess, sys
        begin = subprocess.Popen.__init__
        def late(*options, **more):
            os.kill(os.getpid(), signal.SIGTERM)
            begin(*options, **more)
        subprocess.Popen.__init__ = late
        sys.path.insert(0, {str(INSIDE)!r})
        runpy.run_path({str(INSIDE / "train.py")!r}, run_name="__main__")
    """)
    done = subprocess.run(
        [sys.executable, "-s", "-c", early],
        env={"SAGEMAKER_BASE_DIR": str(folder.base), "PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "ExitCode -15" in (folder.output("failure") or "")
