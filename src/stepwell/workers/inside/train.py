"""Runs a training script by the contract of SageMaker's training toolkit.

Reads the configuration under /opt/ml (or SAGEMAKER_BASE_DIR), builds the script's arguments and its SM_*
variables, runs it, and leaves `output/success` or `output/failure`. The code is in /opt/ml/code already, or
in the folder that `sagemaker_submit_directory` names: fetching it from S3 is done before the job starts.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from typing import Any

requirements_txt = importlib.import_module("requirements_txt")
#: how much of the script's last output goes into the failure file
ERROR_TAIL = 8192
#: hyperparameters that are for the toolkit; others that begin with `sagemaker_` are for a framework
TOOLKIT_PARAMETERS = (
    "sagemaker_program", "sagemaker_submit_directory", "sagemaker_container_log_level", "sagemaker_region",
    "sagemaker_job_name", "sagemaker_s3_output", "sagemaker_enable_cloudwatch_metrics",
)  # fmt: skip
INFO = 20


class ScriptError(Exception):
    """The user's script, or the installation of what it needs, failed."""


def read(path: str, default: Any) -> Any:
    """A JSON file's content; the default when there is none."""
    try:
        with open(path) as file:
            return json.load(file)
    except FileNotFoundError:
        return default


def decoded(value: str) -> Any:
    """A hyperparameter's value: JSON where it is JSON, else the text itself."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def argument_text(value: Any) -> str:
    """A value as the toolkit writes it on the command line."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return ",".join(f"{key}={item}" for key, item in sorted(value.items()))
    return str(value)


def arguments(parameters: dict[str, Any]) -> list[str]:
    """`--name value` for each hyperparameter, sorted by name; `-n value` for one letter."""
    found: list[str] = []
    for name in sorted(parameters):
        found += [f"--{name}" if len(name) > 1 else f"-{name}", argument_text(parameters[name])]
    return found


def variable_text(value: Any) -> str:
    """A value as the toolkit puts it into a variable."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


class Job:
    """One training job as its folder describes it."""

    def __init__(self, base: str) -> None:
        self.base = base
        config = self.path("input", "config")
        given = read(os.path.join(config, "hyperparameters.json"), {})
        everything = {name: decoded(value) for name, value in given.items()}
        self.reserved = {name: value for name, value in everything.items() if name.startswith("sagemaker_")}
        self.parameters = {name: value for name, value in everything.items() if name not in self.reserved}
        self.channels = read(os.path.join(config, "inputdataconfig.json"), {})
        self.resources = read(
            os.path.join(config, "resourceconfig.json"),
            {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"},
        )
        # For the program the variable comes first, for the folder only the hyperparameter counts.
        self.program = os.environ.get("SAGEMAKER_PROGRAM") or self.reserved.get("sagemaker_program")
        submitted = str(self.reserved.get("sagemaker_submit_directory", ""))
        self.submitted = submitted or self.path("code")
        self.code = submitted if submitted.startswith("/") and os.path.isdir(submitted) else self.path("code")

    def path(self, *parts: str) -> str:
        return os.path.join(self.base, *parts)

    def contract(self) -> dict[str, Any]:
        """What the toolkit tells a script, by the names of its own environment's members."""
        program = str(self.program)
        group = self.resources.get("current_group_name", "homogeneousCluster")
        groups = self.resources.get("instance_groups", [])
        hosts = [item["hosts"] for item in groups if item["instance_group_name"] == group]
        framework = {name: value for name, value in self.reserved.items() if name not in TOOLKIT_PARAMETERS}
        return {
            "additional_framework_parameters": framework,
            "channel_input_dirs": {name: self.path("input", "data", name) for name in self.channels},
            "current_host": self.resources["current_host"],
            "current_instance_group": group,
            "current_instance_group_hosts": hosts[0] if hosts else [],
            "current_instance_type": self.resources.get("current_instance_type", "local"),
            "distribution_hosts": [],
            "distribution_instance_groups": [],
            "framework_module": os.environ.get("SAGEMAKER_TRAINING_MODULE"),
            "hosts": self.resources["hosts"],
            "hyperparameters": self.parameters,
            "input_config_dir": self.path("input", "config"),
            "input_data_config": self.channels,
            "input_dir": self.path("input"),
            "instance_groups": [item["instance_group_name"] for item in groups],
            "instance_groups_dict": {item["instance_group_name"]: item for item in groups},
            "is_hetero": len(groups) > 1,
            "is_master": self.resources["current_host"] == min(self.resources["hosts"]),
            "job_name": os.environ.get("TRAINING_JOB_NAME"),
            "log_level": self.reserved.get("sagemaker_container_log_level", INFO),
            "master_hostname": min(self.resources["hosts"]),
            "model_dir": self.path("model"),
            "module_dir": self.submitted,
            "module_name": program[:-3] if program.endswith(".py") else program,
            "network_interface_name": self.resources.get("network_interface_name", "eth0"),
            "num_cpus": os.cpu_count() or 1,
            "num_gpus": sum(os.path.exists(f"/dev/nvidia{number}") for number in range(16)),
            "num_neurons": 0,
            "output_data_dir": self.path("output", "data"),
            "output_dir": self.path("output"),
            "output_intermediate_dir": self.path("output", "intermediate"),
            "resource_config": self.resources,
            "user_entry_point": self.program,
        }

    def variables(self) -> dict[str, str]:
        """The script's SM_* variables."""
        contract = self.contract()
        named = {
            "channels": sorted(self.channels),
            "hps": self.parameters,
            "user_args": arguments(self.parameters),
            "framework_params": contract["additional_framework_parameters"],
            "training_env": contract,
            **{f"channel_{name}": path for name, path in contract["channel_input_dirs"].items()},
            **{f"hp_{name}": value for name, value in self.parameters.items()},
        }
        replaced = ("channel_input_dirs", "hyperparameters", "additional_framework_parameters", "job_name",
                    "is_hetero", "is_master", "master_hostname")  # fmt: skip
        named.update({name: value for name, value in contract.items() if name not in replaced})
        return {f"SM_{name.upper()}": variable_text(value) for name, value in named.items()}

    def command(self) -> list[str]:
        """How the script is run: as a program, as a package's module, or by the shell."""
        program = str(self.program)
        listed = arguments(self.parameters)
        if os.path.isfile(os.path.join(self.code, "setup.py")):
            return [sys.executable, "-m", program[:-3] if program.endswith(".py") else program, *listed]
        if program.endswith(".py"):
            return [sys.executable, program, *listed]
        return ["/bin/sh", "-c", f"./{program} {' '.join(listed)}"]


def run_script(job: Job) -> None:
    """Run the script to its end. Raises ScriptError with the toolkit's text when it fails."""
    if not job.program:
        raise ScriptError(
            "ExecuteUserScriptError:\nExitCode 1\n"
            'ErrorMessage "no script: set the hyperparameter sagemaker_program"\nCommand ""'
        )
    packages = requirements_txt.install(job.code, job.base)
    command = job.command()
    search = [job.code, *([packages] if packages else []), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        **job.variables(),
        "PYTHONPATH": os.pathsep.join(item for item in search if item),
        "SAGEMAKER_PROGRAM": str(job.program),
    }
    # The script hears of a stop as a member of the process group, and has the grace period to save its work.
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    sys.stdout.write("Invoking user script\n" + " ".join(command) + "\n")
    sys.stdout.flush()
    process = subprocess.Popen(
        command, cwd=job.code, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    if stopped:
        process.terminate()  # the stop came before there was a script to hear of it
    tail = b""
    if process.stderr is not None:
        for line in process.stderr:
            sys.stderr.buffer.write(line)
            sys.stderr.buffer.flush()
            tail = (tail + line)[-ERROR_TAIL:]
    code = process.wait()
    if code != 0:
        message = tail.decode(errors="replace").strip()
        shown = " ".join(command)
        raise ScriptError(
            f'ExecuteUserScriptError:\nExitCode {code}\nErrorMessage "{message}"\nCommand "{shown}"'
        )


def write(job: Job, name: str, text: str) -> None:
    os.makedirs(job.path("output"), exist_ok=True)
    with open(job.path("output", name), "w") as file:
        file.write(text)


def main() -> int:
    job = Job(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    for folder in (("model",), ("output", "data"), ("output", "intermediate"), ("code",)):
        os.makedirs(job.path(*folder), exist_ok=True)
    try:
        run_script(job)
    except (ScriptError, requirements_txt.InstallRequirementsError) as error:
        write(job, "failure", str(error))
        print(error, file=sys.stderr)
        return 1
    except Exception as error:
        write(job, "failure", f"Framework Error: \n{traceback.format_exc()}\n{error}")
        traceback.print_exc()
        return int(getattr(error, "errno", None) or 1)
    write(job, "success", "")
    print("Reporting training SUCCESS")
    return 0


if __name__ == "__main__":
    sys.exit(main())
