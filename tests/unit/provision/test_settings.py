"""Setting values in a stack's file leaves the rest of it as it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from stepwell.provision import ciphers, configuration, project, settings
from stepwell.provision.problems import ProjectInvalid, SecretsLocked

WRITTEN = """# the team's stack
config:
  # where
  aws:region: us-east-1
  p:sizes:
    - 1
    - 2

  # a comment between
  p:text: |
    two
    lines
  p:last: 'quoted' # why
other: kept
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(WRITTEN)
    return path


def _put(path: Path, key: str, value: str, **more: Any) -> None:
    settings.put(path, key, value, **{"project": "p", "secret": False, "passphrase": None, **more})


@pytest.mark.parametrize(
    ("key", "line", "replaces"),
    [
        ("last", "  p:last: new\n", "  p:last: 'quoted' # why\n"),
        ("p:text", "  p:text: new\n", "  p:text: |\n    two\n    lines\n"),
        ("sizes", "  p:sizes: new\n", "  p:sizes:\n    - 1\n    - 2\n"),
        ("aws:region", "  aws:region: new\n", "  aws:region: us-east-1\n"),
    ],
)
def test_one_entry_is_changed_and_nothing_else(file: Path, key: str, line: str, replaces: str) -> None:
    """Comments, order and style of the others stay."""
    _put(file, key, "new")
    assert file.read_text() == WRITTEN.replace(replaces, line)


def test_a_new_entry_comes_last(file: Path) -> None:
    """Under `config`, with the project's name; what looks like a number stays text."""
    _put(file, "fresh", "5")
    assert file.read_text() == WRITTEN.replace("# why\n", "# why\n  p:fresh: '5'\n")


@pytest.mark.parametrize("before", ["", "config:\n", "config: {}\n", "other: 1", "# only a comment\n"])
def test_a_file_without_configuration_gets_some(tmp_path: Path, before: str) -> None:
    """Also a file that is not there yet."""
    path = tmp_path / "Pulumi.dev.yaml"
    if before:
        path.write_text(before)
    _put(path, "k", "v")
    loaded = yaml.safe_load(path.read_text())
    assert loaded["config"] == {"p:k": "v"}
    assert loaded.keys() - {"config"} == ({"other"} if "other" in before else set())


def test_a_removed_entry_leaves_the_others(file: Path) -> None:
    """And what was not set is told."""
    assert settings.remove(file, "sizes", project="p")
    assert file.read_text() == WRITTEN.replace("  p:sizes:\n    - 1\n    - 2\n", "")
    assert not settings.remove(file, "sizes", project="p")
    assert not settings.remove(file.with_name("absent.yaml"), "sizes", project="p")


def test_a_secret_is_readable_with_the_passphrase_alone(file: Path) -> None:
    """The first one establishes it; another passphrase can't add to it."""
    _put(file, "key", "hush", secret=True, passphrase="open")
    _put(file, "second", "psst", secret=True, passphrase="open")
    text = file.read_text()
    assert ("hush" in text, "psst" in text) == (False, False)
    found = configuration.read({}, "p", file, passphrase="open")
    assert (found.values["p:key"], found.values["p:second"]) == ("hush", "psst")
    assert found.secret_keys == {"p:key", "p:second"}
    with pytest.raises(SecretsLocked, match="does not fit"):
        _put(file, "third", "x", secret=True, passphrase="other")
    with pytest.raises(SecretsLocked, match="no passphrase"):
        _put(file.with_name("new.yaml"), "k", "x", secret=True)


def test_a_new_salt_is_another_one_each_time() -> None:
    """And tells a wrong passphrase."""
    first, second = ciphers.salted("a"), ciphers.salted("a")
    assert first != second
    with pytest.raises(SecretsLocked):
        ciphers.of_passphrase("b", first)


def test_a_file_that_can_t_be_edited_is_left_alone(tmp_path: Path) -> None:
    """A flow mapping over several lines is for its author."""
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text("config: {a: 1,\n  b: 2}\n")
    with pytest.raises(ProjectInvalid, match="can't be edited"):
        _put(path, "k", "v")
    assert path.read_text() == "config: {a: 1,\n  b: 2}\n"


DECLARED = """
name: p
runtime: python
config:
  size: {type: integer, default: 3}
  name: {type: string, description: whose it is}
  flags: {type: array, items: {type: boolean}}
  key: {type: string, secret: true, default: k}
  aws:region: us-east-1
"""


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ("p:name: me\n  p:flags: [true]", ""),
        ("p:flags: [true]", "configuration value p:name is missing"),
        ("p:name: me\n  p:flags: 1", "configuration value p:flags is no array"),
        ("p:name: me\n  p:flags: []\n  p:size: big", "configuration value p:size is no integer"),
    ],
)
def test_what_the_project_declares_is_asked_for(tmp_path: Path, own: str, told: str) -> None:
    """Missing and mistyped values are told before the program runs; a declared secret is one."""
    (tmp_path / "__main__.py").write_text("")
    (tmp_path / "Pulumi.yaml").write_text(DECLARED)
    (tmp_path / "Pulumi.dev.yaml").write_text(f"config:\n  {own}\n")
    if told:
        with pytest.raises(ProjectInvalid, match=told):
            project.read(tmp_path, "dev")
        return
    read = project.read(tmp_path, "dev")
    assert dict(read.config) == {
        "p:size": "3",
        "p:name": "me",
        "p:flags": "[true]",
        "p:key": "k",
        "aws:region": "us-east-1",
    }
    assert read.secret_keys == {"p:key"}
