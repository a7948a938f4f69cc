"""What the documents tell people to type can be typed: commands, options, make targets, links exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from stepwell.cli import COMMANDS, SUMMARIES, commands

FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
WORD = re.compile(r"[a-z]+(-[a-z]+)*")
#: what stands for something that the reader fills in
SHELLS = ("", "sh", "shell", "console", "bash")


def snippets(text: str) -> Iterator[str]:
    """Command lines of a document: those in fences, and those in backquotes."""
    for language, block in FENCE.findall(text):
        if language in SHELLS:
            yield from block.replace("\\\n", " ").splitlines()
    yield from CODE.findall(FENCE.sub("", text))


def commands_of(text: str, program: str) -> Iterator[list[str]]:
    """Every use of a program in a document, as words, from its arguments on."""
    for snippet in snippets(text):
        for start in re.finditer(rf"(?:^|[|&;(\s]){program}(?=\s)", snippet):
            rest = re.split(r"\s[|&>#]|[;)]|&&", snippet[start.end() :])[0]
            yield shlex.split(rest.replace("'", "").replace('"', ""))


def pages_and(pages: list[Path], *more: Path) -> Iterator[tuple[str, str]]:
    for path in [*pages, *more]:
        yield path.name, path.read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_exists_and_has_a_summary(name: str) -> None:
    context = click.Context(commands)
    command = commands.get_command(context, name)
    assert command is not None
    assert command.help
    assert SUMMARIES[name]


def test_every_stepwell_command_in_the_documents_parses(pages: list[Path]) -> None:
    seen = 0
    for page, text in pages_and(pages):
        for words in commands_of(text, "stepwell"):
            if not words or not WORD.fullmatch(words[0]):
                continue
            where = f"{page}: stepwell {' '.join(words)}"
            command = commands.get_command(click.Context(commands), words[0])
            assert command is not None, where
            if isinstance(command, click.Group) and len(words) > 1:
                command = command.get_command(click.Context(command), words[1])
                assert command is not None, where
            options = {
                flag
                for parameter in command.params
                for flag in (*parameter.opts, *parameter.secondary_opts)
                if flag.startswith("-")
            } | {"-h", "--help"}
            used = [word.partition("=")[0] for word in words[1:] if word.startswith("-") and word != "-"]
            assert set(used) <= options, where
            seen += 1
    assert seen > 10


def test_every_make_target_in_the_documents_exists(root: Path, pages: list[Path]) -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", (root / "Makefile").read_text(), re.MULTILINE))
    ci = root / ".ci" / "run"
    used = {
        (page, word)
        for page, text in pages_and(pages)
        for words in commands_of(text, "make")
        for word in words
        if WORD.fullmatch(word)
    } | {(ci.name, word) for word in re.findall(r"\bmake ([a-z-]+)$", ci.read_text(), re.MULTILINE)}
    assert {"demo", "test"} <= {word for _, word in used}
    assert not {(page, word) for page, word in used if word not in targets}


def test_every_target_of_the_makefile_is_phony_and_known(root: Path) -> None:
    text = (root / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)[1].split())  # type: ignore[index]
    assert phony == set(re.findall(r"^([a-z][\w-]*):", text, re.MULTILINE))


def test_every_link_between_documents_leads_somewhere(pages: list[Path]) -> None:
    dead = [
        f"{path.name}: {target}"
        for path in pages
        for target in LINK.findall(path.read_text())
        if "://" not in target and "reference/" not in target and not (path.parent / target).exists()
    ]
    assert not dead


def test_every_page_of_the_site_is_in_its_table_of_contents(root: Path) -> None:
    listed = set(re.findall(r"([\w/-]+\.md)", (root / "mkdocs.yml").read_text()))
    written = {path.relative_to(root / "docs").as_posix() for path in (root / "docs").rglob("*.md")}
    assert {name for name in written if not name.startswith("reference/")} <= listed
