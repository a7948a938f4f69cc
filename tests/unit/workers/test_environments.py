"""An image stands for exactly what the table or the data folder's file says, and is built once."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from stepwell.workers import environments
from stepwell.workers.environments import BuildFailed, Environments
from stepwell.workers.images import SCIKIT_LEARN_VERSIONS, UnknownImage, look_up
from stepwell.workers.interpreters import find, installed

from .conftest import run

AWS = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:"


@pytest.mark.parametrize(
    ("uri", "version"),
    [
        (f"{AWS}1.2-1-cpu-py3", "1.2-1"),
        (f"{AWS}1.4-2-cpu-py3", "1.4-2"),
        (f"{AWS}1.4-2-py312", "1.4-2-py312"),
        ("450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-scikit-learn:1.0-1-cpu-py3", "1.0-1"),
        ("141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.5-2", "1.5-2"),
    ],
)
def test_aws_s_images_are_known_in_every_region(data: Path, uri: str, version: str) -> None:
    assert look_up(uri, data) == SCIKIT_LEARN_VERSIONS[version]


@pytest.mark.parametrize(
    "uri", ["", "python:3.11", f"{AWS}9.9-9-cpu-py3", f"{AWS}1.2-1-gpu-py3", f"{AWS}1.2-1-cpu-py3 "]
)
def test_an_unknown_image_s_error_names_the_known_ones_and_the_way_out(data: Path, uri: str) -> None:
    with pytest.raises(UnknownImage) as failure:
        look_up(uri, data)
    message = str(failure.value)
    assert all(version in message for version in SCIKIT_LEARN_VERSIONS)
    assert f'[images."{uri}"]' in message
    assert str(data / "images.toml") in message


def test_the_way_out_leads_out(data: Path) -> None:
    with pytest.raises(UnknownImage) as failure:
        look_up("mine:1", data)
    (data / "images.toml").write_text(str(failure.value).split("\n\n", 1)[1])
    found = look_up("mine:1", data)
    assert found.requirements()[:2] == ("scikit-learn==1.5.2", "pandas==2.2.3")


@pytest.mark.parametrize(
    "text", ["[", '[images."a"]\npython = "3.11"', '[images."a"]\nrequirements = ["x"]\ncolour = 1']
)
def test_a_file_that_makes_no_sense_is_named(data: Path, text: str) -> None:
    (data / "images.toml").write_text(text)
    with pytest.raises(UnknownImage, match=r"images\.toml"):
        look_up("a", data)


def test_loosened_versions_stay_below_the_next_major_one_and_the_framework_stays_put() -> None:
    exact = SCIKIT_LEARN_VERSIONS["1.2-1"]
    loose = exact.requirements(loose=True)
    assert loose[0] == "scikit-learn==1.2.1"
    assert "numpy>=1.24.1,<2" in loose


@pytest.mark.parametrize("version", SCIKIT_LEARN_VERSIONS)
def test_no_image_has_an_sdk_that_would_talk_to_aws(version: str) -> None:
    pins = SCIKIT_LEARN_VERSIONS[version].pins
    boto3 = next(pin for pin in pins if pin.startswith("boto3=="))
    assert tuple(int(part) for part in boto3[7:].split(".")) >= (1, 28)


class Uv:
    """Stands in for uv: makes the interpreter's place, and fails as told."""

    def __init__(self, *failures: str) -> None:
        self.failures = list(failures)
        self.installed: list[list[str]] = []

    async def __call__(self, arguments: list[str], progress: environments.Progress) -> str | None:
        await asyncio.sleep(0)
        if arguments[0] == "venv":
            python = Path(arguments[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.symlink_to(arguments[arguments.index("--python") + 1])
            return None
        self.installed.append(arguments)
        progress("Downloading numpy (15.6MiB)")
        return self.failures.pop(0) if self.failures else None


@pytest.fixture
def place(tmp_path: Path, data: Path) -> Environments:
    (data / "images.toml").write_text('[images."mine"]\nrequirements = ["framework==1.0", "other==2.5"]')
    return Environments(cache=tmp_path / "cache", data=data)


def test_an_environment_is_built_once_however_many_ask(
    place: Environments, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv = Uv()
    monkeypatch.setattr(environments, "run_uv", uv)
    lines: list[str] = []

    async def work() -> None:
        assert place.ready("mine") is None
        found = await asyncio.gather(*(place.build("mine", lines.append) for _ in range(3)))
        assert len({item.python for item in found}) == 1
        assert place.ready("mine") == found[0]

    run(work())
    assert len(uv.installed) == 1
    assert "Downloading numpy (15.6MiB)" in lines


def test_a_failed_attempt_goes_on_to_another_python_and_leaves_nothing(
    place: Environments, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv = Uv(*["no wheel"] * 100)
    monkeypatch.setattr(environments, "run_uv", uv)
    with pytest.raises(BuildFailed, match="no wheel"):
        run(place.build("mine", lambda line: None))
    usable = [item for item in installed() if item.version >= (3, 8, 0)]
    assert len(uv.installed) == 2 * len(usable)
    assert [path.suffix for path in place.root.iterdir()] == [".lock"]
    assert place.ready("mine") is None


def test_what_differs_from_the_image_is_said(place: Environments, monkeypatch: pytest.MonkeyPatch) -> None:
    usable = [item for item in installed() if item.version >= (3, 8, 0)]
    monkeypatch.setattr(environments, "run_uv", Uv(*["no wheel"] * len(usable)))
    found = run(place.build("mine", lambda line: None))
    assert "libraries beside the framework newer than the image's" in found.warning


def test_uv_s_own_words_explain_a_failure() -> None:
    lines: list[str] = []
    offline = ["--offline", "--no-index", "--python", sys.executable]
    said = run(environments.run_uv(["pip", "install", *offline, "no-such-thing==1"], lines.append))
    assert said is not None
    assert "no-such-thing" in said


def test_the_python_asked_for_is_found_else_the_next_newer_one() -> None:
    for interpreter in installed():
        found, exact = find(f"3.{interpreter.version[1]}", oldest="3.0")
        assert (found, exact) == (interpreter, True)
    newest = installed()[0]
    assert find("3.99") == (newest, False)


def test_a_path_with_folders_that_are_none_or_closed_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PATH that was inherited from another user names folders that may not be read."""
    closed = tmp_path / "closed" / "bin"
    closed.mkdir(parents=True)
    closed.parent.chmod(0)
    (tmp_path / "file").write_text("")
    names = (str(closed), str(tmp_path / "file"), str(tmp_path / "absent"), os.environ["PATH"])
    monkeypatch.setenv("PATH", os.pathsep.join(names))
    installed.cache_clear()
    try:
        assert installed()
    finally:
        installed.cache_clear()
        closed.parent.chmod(0o700)
