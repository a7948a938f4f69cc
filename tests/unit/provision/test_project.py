"""The program's own files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stepwell.provision import project
from stepwell.provision.problems import ProjectInvalid


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    program = tmp_path / "digits"
    program.mkdir()
    (program / "__main__.py").write_text("")
    return program


def test_a_folder_with_a_main_is_a_project(folder: Path) -> None:
    """Without Pulumi.yaml its name is the folder's, its Python ours."""
    told = project.read(folder, "dev")
    assert (told.name, told.main, told.python, told.config) == ("digits", folder, Path(sys.executable), {})


def test_configuration_comes_from_both_files(folder: Path) -> None:
    """Keys without a namespace are the project's; what isn't text is JSON; the stack's file wins."""
    (folder / "Pulumi.yaml").write_text(
        "name: retraining\nruntime: {name: python}\n"
        "config:\n  rows: {type: integer, default: 5}\n  aws:region: us-east-1\n  plain: a\n"
    )
    (folder / "Pulumi.dev.yaml").write_text("config:\n  retraining:rows: 7\n  list: [1, {a: true}]\n")
    told = project.read(folder, "dev")
    assert told.name == "retraining"
    assert told.config == {
        "retraining:rows": "7",
        "aws:region": "us-east-1",
        "retraining:plain": "a",
        "retraining:list": '[1, {"a": true}]',
    }


def test_main_names_another_place(folder: Path) -> None:
    """A folder or a file, relative to the project."""
    (folder / "infra").mkdir()
    (folder / "infra" / "__main__.py").write_text("")
    (folder / "Pulumi.yaml").write_text("name: p\nmain: infra\n")
    assert project.read(folder, "dev").main == folder / "infra"


def test_the_programs_own_environment_runs_it(folder: Path) -> None:
    """`virtualenv` names it; an absent one is told with what to do."""
    (folder / "Pulumi.yaml").write_text("name: p\nruntime: {name: python, options: {virtualenv: venv}}\n")
    with pytest.raises(ProjectInvalid, match=r"virtual environment .*venv is absent"):
        project.read(folder, "dev")
    python = folder / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("")
    assert project.read(folder, "dev").python == python


@pytest.mark.parametrize(
    ("files", "stack", "message"),
    [
        ({"Pulumi.yaml": "name: p\nruntime: nodejs\n"}, "dev", "runtime is nodejs"),
        ({"Pulumi.yaml": "name: [\n"}, "dev", "is not YAML"),
        ({"Pulumi.yaml": "- a\n"}, "dev", "is not a mapping"),
        ({"Pulumi.yaml": "name: ../p\n"}, "dev", "no project name"),
        ({"Pulumi.yaml": "name: p\nmain: nowhere\n"}, "dev", "does not exist"),
        ({"Pulumi.dev.yaml": "config:\n  t: {secure: AAA}\n"}, "dev", "value t .* provider that is not supp"),
        ({"Pulumi.dev.yaml": "config:\n  a: {b: [{secure: v1:a}]}\n"}, "dev", "value a .* is encrypted"),
        ({"Pulumi.dev.yaml": "config: 3\n"}, "dev", "not a mapping"),
        ({}, "../dev", "no stack name"),
        ({}, "", "no stack name"),
    ],
)
def test_what_makes_no_sense_is_told(folder: Path, files: dict[str, str], stack: str, message: str) -> None:
    """Each with the file or the value."""
    for name, content in files.items():
        (folder / name).write_text(content)
    with pytest.raises(ProjectInvalid, match=message):
        project.read(folder, stack)


def test_a_folder_without_a_program_is_told(tmp_path: Path) -> None:
    """An empty folder, and none at all."""
    with pytest.raises(ProjectInvalid, match=r"no __main__\.py"):
        project.read(tmp_path, "dev")
    with pytest.raises(ProjectInvalid, match="not a folder"):
        project.read(tmp_path / "absent", "dev")
