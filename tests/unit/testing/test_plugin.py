"""The fixture comes with the package, and costs nothing where nobody uses it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import stepwell.testing as public
from stepwell.testing import Stepwell


def test_pytest_finds_the_plugin_in_the_installed_package() -> None:
    (found,) = (entry for entry in entry_points(group="pytest11") if entry.name == "stepwell")
    assert found.value == "stepwell.testing.plugin"


def test_the_plugin_imports_nothing_that_is_not_used() -> None:
    code = "import sys, stepwell.testing.plugin; print(*(n for n in sys.modules if n.startswith('stepwell')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["stepwell", "stepwell.testing", "stepwell.testing.plugin"]


def test_an_unknown_name_is_no_attribute() -> None:
    assert not hasattr(public, "Nothing")


@pytest.mark.stepwell(start="2030-05-05", region="eu-central-1", account="111122223333")
def test_the_marker_says_how_the_server_is_made(stepwell: Stepwell) -> None:
    assert stepwell.now == datetime(2030, 5, 5, tzinfo=UTC)
    assert stepwell.environment["AWS_REGION"] == "eu-central-1"
    assert stepwell.client("sts").get_caller_identity()["Account"] == "111122223333"


def test_nothing_is_left_of_a_server(tmp_path: Path) -> None:
    images = tmp_path / "images.toml"
    images.write_text('[images."own:1"]\npython = "3.11"\nrequirements = ["joblib==1.4.2"]\n')
    with Stepwell(images=images) as stepwell:
        data = stepwell.data
        assert (data / "images.toml").read_text() == images.read_text()
    assert not data.exists()


def test_a_server_that_cannot_start_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = tmp_path / "folders"
    folders.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folders))
    with pytest.raises(FileNotFoundError):
        Stepwell(images=tmp_path / "absent.toml")
    assert not list(folders.iterdir())


def test_servers_side_by_side_have_nothing_in_common() -> None:
    with Stepwell() as one, Stepwell(start="2027-07-07") as other:
        one.client("s3").create_bucket(Bucket="own")
        one.advance("1 day")
        assert other.client("s3").list_buckets()["Buckets"] == []
        assert (one.now, other.now) == (datetime(2026, 1, 2, tzinfo=UTC), datetime(2027, 7, 7, tzinfo=UTC))
        assert one.url != other.url
