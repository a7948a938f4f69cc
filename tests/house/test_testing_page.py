"""The page about tests of one's own workflows is a test file itself, and tells every public name."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stepwell.testing import Execution, Mock, Stepwell

FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "testing.md").read_text()


def blocks(page: str, language: str) -> list[str]:
    return [block for named, block in FENCE.findall(page) if named == language]


@pytest.mark.parametrize(("document", "having"), [("docs/testing.md", ""), ("README.md", "(stepwell):")])
def test_a_document_s_tests_are_a_test_file_that_passes(
    root: Path, document: str, having: str, tmp_path: Path
) -> None:
    example = root / "examples" / "preprocess-predict"
    for name in ("program", "examples/preprocess-predict"):
        shutil.copytree(example, tmp_path / name)
    page = (root / document).read_text()
    for config in blocks(page, "json"):
        (tmp_path / "MockConfigFile.json").write_text(config)
    code = "\n\n".join(block for block in blocks(page, "python") if having in block)
    (tmp_path / "test_page.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_page.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    tests = len(re.findall(r"^def test_", code, re.MULTILINE))
    assert int(re.search(r"(\d+) passed", told)[1]) >= tests > 0  # type: ignore[index]


def test_the_mock_configuration_is_json(page: str) -> None:
    (config,) = blocks(page, "json")
    assert json.loads(config).keys() == {"StateMachines", "MockedResponses"}


@pytest.mark.parametrize("kind", [Stepwell, Execution, Mock])
def test_everything_public_is_on_the_page(kind: type, page: str) -> None:
    public = {name for name in vars(kind) if not name.startswith("_")}
    unsaid = {name for name in public if not re.search(rf"\b{name}\b", page)}
    assert not unsaid - {"close", "arn", "machine", "state", "answers", "attempts", "next"}
