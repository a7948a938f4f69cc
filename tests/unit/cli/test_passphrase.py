"""Where the passphrase of a stack's secrets comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepwell.cli.stacks import passphrase
from stepwell.errors import UsageError


@pytest.mark.parametrize(
    ("given", "file", "told"),
    [
        ({}, None, None),
        ({"PULUMI_CONFIG_PASSPHRASE": " a b "}, None, " a b "),
        ({"PULUMI_CONFIG_PASSPHRASE": ""}, "other", ""),
        ({}, "from a file\n", "from a file"),
    ],
)
def test_the_variable_comes_before_the_file(
    tmp_path: Path, given: dict[str, str], file: str | None, told: str | None
) -> None:
    """An empty passphrase is one; a file's line end is not part of it."""
    if file is not None:
        (tmp_path / "phrase").write_text(file)
        given = {**given, "PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "phrase")}
    assert passphrase(given) == told


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """With the variable that names it."""
    with pytest.raises(UsageError, match=r"PULUMI_CONFIG_PASSPHRASE_FILE names .*absent"):
        passphrase({"PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "absent")})
