"""Commands act as the shell's user of this very server, and as its owner in every other shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepwell.cli.caller import Caller, is_same, of_shell

URL = "http://127.0.0.1:4566"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAADA", "AWS_SECRET_ACCESS_KEY": "secret"}
ADA = Caller(access_key_id="AKIAADA", secret_access_key="secret")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A shell that says nothing of AWS, but for two profiles."""
    import os

    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    keys = "aws_access_key_id = AKIAADA\naws_secret_access_key = secret\n"
    (tmp_path / "config").write_text(
        f"[profile here]\nendpoint_url = {URL}\n{keys}[profile elsewhere]\n{keys}"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.mark.parametrize(
    ("shell", "caller"),
    [
        ({}, None),
        (KEYS, None),
        ({"AWS_ENDPOINT_URL": URL}, None),
        ({**KEYS, "AWS_ENDPOINT_URL": "http://127.0.0.1:4567"}, None),
        ({**KEYS, "AWS_ENDPOINT_URL": "https://s3.amazonaws.com"}, None),
        ({**KEYS, "AWS_ENDPOINT_URL": URL}, ADA),
        ({**KEYS, "AWS_ENDPOINT_URL": "http://localhost:4566/"}, ADA),
        ({"AWS_PROFILE": "here"}, ADA),
        ({"AWS_PROFILE": "elsewhere"}, None),
        ({"AWS_PROFILE": "elsewhere", "AWS_ENDPOINT_URL": URL}, ADA),
        ({"AWS_PROFILE": "nobody", "AWS_ENDPOINT_URL": URL}, None),
    ],
)
def test_the_shells_user_counts_where_the_shell_points_at_the_server(
    monkeypatch: pytest.MonkeyPatch, shell: dict[str, str], caller: Caller | None
) -> None:
    for name, value in shell.items():
        monkeypatch.setenv(name, value)
    assert of_shell(URL) == caller


def test_a_sessions_token_comes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": URL, "AWS_SESSION_TOKEN": "token"}.items():
        monkeypatch.setenv(name, value)
    found = of_shell(URL)
    assert found is not None
    assert found.session_token == "token"


def test_no_url_is_no_server() -> None:
    assert not is_same("", URL)
