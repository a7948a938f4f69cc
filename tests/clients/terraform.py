"""Terraform as its users run it: a folder of configuration, a plan, an apply, all against one server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from running import Running

MODULES = Path(__file__).parent / "modules"
#: what `plan -detailed-exitcode` answers
UNCHANGED, FAILED, CHANGED = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class Installed:
    """The provider, installed once by `terraform init`."""

    #: the configuration file that names the mirror
    settings: Path
    #: TF_DATA_DIR: where `init` has put the provider
    plugins: Path
    #: the lock file that `init` has written
    lock: Path

    @property
    def environment(self) -> dict[str, str]:
        """Terraform's own settings; nobody's AWS settings but those that a module is given."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))
        }
        return inherited | {
            "TF_CLI_CONFIG_FILE": str(self.settings),
            "TF_DATA_DIR": str(self.plugins),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            "GOGC": "400",  # memory for time: the provider is large, and starts for each command
        }


def install(mirror: Path, folder: Path) -> Installed:
    """Run `terraform init` in `folder`, with the providers of `mirror` alone."""
    settings = folder / "terraformrc"
    settings.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n')
    shutil.copy(MODULES / "provider.tf", folder)
    installed = Installed(
        settings=settings, plugins=folder / ".terraform", lock=folder / ".terraform.lock.hcl"
    )
    subprocess.run(
        ["terraform", "init", "-no-color"], cwd=folder, env=installed.environment, check=True, timeout=100
    )
    return installed


class Terraform:
    """One module in a folder of its own, with its state; `provider` is the file with the provider's block."""

    def __init__(
        self, installed: Installed, module: str, folder: Path, running: Running, provider: str = "provider.tf"
    ) -> None:
        self.folder = folder
        shutil.copytree(MODULES / module, folder)
        shutil.copy(MODULES / provider, folder / "provider.tf")
        shutil.copy(installed.lock, folder)
        settings = running.settings
        self.variables: dict[str, Any] = {"endpoint": settings["endpoint_url"]}
        self.environment = dict(installed.environment)
        self.signing(settings["aws_access_key_id"], settings["aws_secret_access_key"])

    def signing(self, access_key: str, secret: str) -> None:
        """Sign with these keys from now on."""
        self.environment |= {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret}

    def run(self, *arguments: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        """Any command, with the module's variables (and these)."""
        given = {f"TF_VAR_{name}": str(value) for name, value in {**self.variables, **variables}.items()}
        return subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env=self.environment | given,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    def apply(self, **variables: Any) -> Mapping[str, set[str]]:
        """Apply; gives the addresses by what was planned for them ("create", "update", "replace"...)."""
        done = self.run("apply", "-auto-approve", "-input=false", "-json", **variables)
        said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        faults = [line["diagnostic"] for line in said if line["type"] == "diagnostic"]
        assert done.returncode == 0, "\n".join(f"{each['summary']}\n{each['detail']}" for each in faults)
        planned: dict[str, set[str]] = {}
        for line in said:
            if line["type"] == "planned_change":
                change = line["change"]
                planned.setdefault(change["action"], set()).add(change["resource"]["addr"])
        return planned

    def unchanged(self, **variables: Any) -> None:
        """A plan finds nothing to do."""
        done = self.run("plan", "-detailed-exitcode", "-input=false", "-no-color", **variables)
        assert done.returncode == UNCHANGED, done.stdout + done.stderr

    def outputs(self, **variables: Any) -> dict[str, Any]:
        """The module's outputs."""
        shown = json.loads(self.run("output", "-json", **variables).stdout)
        return {name: each["value"] for name, each in shown.items()}

    def destroy(self, **variables: Any) -> None:
        """Destroy everything that the state knows."""
        done = self.run("destroy", "-auto-approve", "-input=false", "-no-color", **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        assert self.run("state", "list").stdout == ""
