"""The repository speaks of itself, in words that the glossary knows, and promises nothing by a comment."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

#: what stands for work that was not done
UNDONE = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\braise NotImplementedError(\(\))?\s*$", re.MULTILINE)
#: absolute paths of whoever wrote a file: a reader has others
FOREIGN = re.compile(r"(?<![\w.}/])/(work/|home/\w+/|root/(?!\.)|Users/\w+/)[\w.-]+")
#: names that say nothing about what a module holds
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc", "base"}
ENTRY = re.compile(r"^\*\*(.+?)\*\*: (.+)$")


@pytest.fixture(scope="module")
def texts(root: Path) -> dict[str, str]:
    """Every text file that git knows, by its path."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, capture_output=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        names = [str(path.relative_to(root)) for path in (root / "src").rglob("*.py")]
    else:
        names = [name for name in listed.stdout.decode().split("\0") if name]
    found = {}
    for name in names:
        path = root / name
        if path.is_file() and path != Path(__file__) and path.stat().st_size < 1 << 20:
            content = path.read_bytes()
            if b"\0" not in content:
                found[name] = content.decode()
    return found


def test_no_file_names_a_folder_of_its_author(texts: dict[str, str]) -> None:
    named = {name: match[0] for name, text in texts.items() if (match := FOREIGN.search(text))}
    assert not named


def test_the_source_leaves_nothing_undone(texts: dict[str, str]) -> None:
    undone = {
        name: match[0]
        for name, text in texts.items()
        if name.startswith("src/") and (match := UNDONE.search(text))
    }
    assert not undone


def test_modules_are_named_by_a_noun_of_the_domain(package: Path) -> None:
    assert not [str(path) for path in package.rglob("*.py") if path.stem in EMPTY_NAMES]


def test_every_module_says_why_it_exists(package: Path) -> None:
    silent = [
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if (text := path.read_text().lstrip()) and not text.startswith(('"""', 'r"""', "#!"))
    ]
    assert not silent


def test_the_glossary_is_in_order_and_says_each_word_in_one_line(root: Path) -> None:
    lines = (root / "docs" / "glossary.md").read_text().splitlines()
    entries = [ENTRY.match(line) for line in lines if line.startswith("**")]
    assert all(entries), "an entry is `**word**: what it means`"
    words = [entry[1].lower() for entry in entries if entry]
    assert len(words) > 10
    assert words == sorted(words)
    assert len(set(words)) == len(words)
