"""`stack` and `config`, on state files and settings that runs of other commands left."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from stepwell.cli.config import config
from stepwell.cli.stack import stack
from stepwell.provision import state
from stepwell.provision.problems import ProjectInvalid, SecretsLocked, StateDamaged
from stepwell.provision.state import Resource

FRESH = state.new(project="p", stack="dev", account="0" * 12, region="us-east-1", server="")
GROUP = Resource(urn="urn:pulumi:dev::p::aws:x/y:Z::g", type="aws:x/y:Z", custom=True, id="/g")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with one stack that has a resource, and outputs of which one is secret."""
    with state.held(tmp_path / "data" / "stacks", FRESH) as held:
        held.put(GROUP)
        held.set_outputs({"open": 1, "hidden": "hush"}, ["hidden"])
    return tmp_path / "data"


def _run(command: Any, *arguments: Any) -> Any:
    ran = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return ran


def test_stacks_are_listed_damaged_ones_too(data: Path) -> None:
    """One line each; nothing is run and nothing is written."""
    (data / "stacks" / "q").mkdir()
    (data / "stacks" / "q" / "dev.json").write_text("{")
    head, first, second = _run(stack, "ls", "--data", data).stdout.splitlines()
    assert head.split() == ["PROJECT", "STACK", "RESOURCES", "CHANGED"]
    assert (first.split()[:3], second.split()[:3]) == (["p", "dev", "1"], ["q", "dev", "damaged"])
    listed = json.loads(_run(stack, "ls", "--data", data, "--json").stdout)
    assert [entry["resources"] for entry in listed] == [1, None]


def test_outputs_are_shown_and_secrets_only_when_asked(program: Path, data: Path) -> None:
    """One of them alone for scripts."""
    asked = ("outputs", program, "--data", data)
    assert _run(stack, *asked).stdout == "hidden: [secret]\nopen: 1\n"
    assert _run(stack, *asked, "--show-secrets", "--name", "hidden").stdout == "hush\n"
    assert json.loads(_run(stack, *asked, "--json").stdout) == {"open": 1, "hidden": "[secret]"}
    missing = _run(stack, *asked, "--name", "zebra")
    assert (missing.exit_code, "There are: hidden, open" in missing.stderr) == (2, True)


def test_an_export_keeps_secrets_encrypted(program: Path, data: Path) -> None:
    """Unless they are asked for."""
    covered = json.loads(_run(stack, "export", program, "--data", data).stdout)
    assert "ciphertext" in covered["outputs"]["hidden"]
    plain = json.loads(_run(stack, "export", program, "--data", data, "--show-secrets").stdout)
    assert (plain["outputs"]["hidden"], plain["resources"][0]["id"]) == ("hush", "/g")


def test_a_stack_with_resources_is_forgotten_by_force_alone(program: Path, data: Path) -> None:
    """What is left on the server is told."""
    with pytest.raises(ProjectInvalid, match="has 1 resources"):
        _run(stack, "rm", program, "--data", data)
    told = _run(stack, "rm", program, "--data", data, "--force").stderr
    assert told == "forgot the stack p/dev; 1 resources are left on the server\n"
    assert list((data / "stacks" / "p").iterdir()) == []
    with pytest.raises(ProjectInvalid, match="There is no stack p/dev"):
        _run(stack, "rm", program, "--data", data)


def test_a_damaged_stack_is_forgotten_by_force_alone(program: Path, data: Path) -> None:
    """Its file might yet be mended."""
    file = data / "stacks" / "p" / "dev.json"
    file.write_text("{")
    with pytest.raises(StateDamaged):
        _run(stack, "rm", program, "--data", data)
    assert file.exists()
    assert _run(stack, "rm", program, "--data", data, "--force").exit_code == 0


def test_an_empty_stack_is_forgotten(program: Path, data: Path) -> None:
    """What was only read is nobody's loss."""
    with state.held(data / "stacks", FRESH) as held:
        held.put(replace(GROUP, external=True))
    assert _run(stack, "rm", program, "--data", data).stderr == "forgot the stack p/dev\n"


def test_configuration_is_set_got_listed_and_removed(program: Path, monkeypatch: Any) -> None:
    """Secrets are covered in the list, and not in a `get`, which alone needs the passphrase."""
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "open")
    at = ("--program", program)
    assert _run(config, "set", "size", "5", *at).exit_code == 0
    assert _run(config, "set", "key", "hush", "--secret", *at).exit_code == 0
    assert _run(config, "get", "p:size", *at).stdout == "5\n"
    assert _run(config, "get", "key", *at).stdout == "hush\n"
    listed = json.loads(_run(config, "ls", "--json", *at).stdout)
    assert listed == {
        "p:key": {"value": "[secret]", "secret": True},
        "p:size": {"value": "5", "secret": False},
    }
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    assert json.loads(_run(config, "ls", "--json", *at).stdout) == listed
    assert _run(config, "get", "size", *at).stdout == "5\n"
    with pytest.raises(SecretsLocked):
        _run(config, "get", "key", *at)
    assert _run(config, "rm", "size", *at).exit_code == 0
    with pytest.raises(Exception, match="p:size is not set on the stack dev"):
        _run(config, "get", "size", *at)


def test_a_value_may_come_from_standard_input(program: Path) -> None:
    """Where no history keeps it."""
    ran = CliRunner().invoke(config, ["set", "k", "--program", str(program)], input="from a pipe\n")
    assert ran.exit_code == 0
    assert _run(config, "get", "k", "--program", program).stdout == "from a pipe\n"


def test_what_looks_like_a_secret_is_not_written_plain_by_mistake(program: Path) -> None:
    """The author has to say which it is."""
    ran = _run(config, "set", "dbPassword", "x", "--program", program)
    assert (ran.exit_code, "say --secret" in ran.stderr) == (2, True)
    assert _run(config, "set", "dbPassword", "x", "--plaintext", "--program", program).exit_code == 0
