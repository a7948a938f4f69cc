"""`env`, `status`, `stop`."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime

import pytest

from stepwell.cli import server as commands

HIJACKERS = {
    "AWS_SESSION_TOKEN": "of-somebody-else",
    "AWS_SECURITY_TOKEN": "of-somebody-else",
    "AWS_PROFILE": "production",
    "AWS_DEFAULT_PROFILE": "production",
    "AWS_ENDPOINT_URL_S3": "https://s3.example.com",
    "AWS_ENDPOINT_URL_STEPFUNCTIONS": "https://states.example.com",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_ACCESS_KEY_ID": "AKIAPRODUCTION",
    "AWS_REGION": "us-west-2",
}


def ours(server):
    return {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": server.key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": server.key.secret_access_key,
        "AWS_REGION": "eu-west-3",
        "AWS_DEFAULT_REGION": "eu-west-3",
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
    }


@pytest.mark.parametrize("known", [True, False], ids=["run in that shell", "run in another shell"])
def test_a_shell_that_evaluates_env_has_our_settings_and_no_others(run, server, monkeypatch, known):
    if known:
        for name, value in HIJACKERS.items():
            monkeypatch.setenv(name, value)
    lines = run("env").out
    shell = subprocess.run(
        ["sh", "-euc", 'eval "$1"; env', "sh", lines],
        env={"PATH": os.environ["PATH"], **HIJACKERS},
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    found = dict(line.split("=", 1) for line in shell.stdout.splitlines() if line.startswith("AWS_"))
    assert found == ours(server)


def test_a_shell_with_a_proxy_reaches_the_server_without_it(run, server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.example.com:3128")
    monkeypatch.setenv("no_proxy", "intra.example.com, localhost")
    lines = run("env").out.splitlines()
    assert "export NO_PROXY=intra.example.com,localhost,127.0.0.1" in lines
    assert "export no_proxy=intra.example.com,localhost,127.0.0.1" in lines


def test_env_as_json_says_the_same(run, server, monkeypatch):
    for name, value in HIJACKERS.items():
        monkeypatch.setenv(name, value)
    found = run("env", "--json").value
    assert found["export"] == ours(server)
    assert {"AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN"} <= set(found["unset"])
    assert "AWS_ENDPOINT_URL" not in found["unset"]


STATUS = {
    "Version": "0.1.0",
    "ProcessId": 17,
    "Account": "000000000000",
    "Region": "eu-west-3",
    "DataFolder": "/data",
    "ResidentBytes": 64 << 20,
    "Counts": {"Functions": 2, "Endpoints": 1},
}


@pytest.fixture
def status(server):
    server.answers["GetStatus"] = lambda _: {
        **STATUS,
        "StartedAt": datetime(2026, 11, 20, 12, tzinfo=UTC),
        "ResponseMetadata": {},
    }


def test_status_shows_the_server_and_its_counts(run, server, status):
    ended = run("status")
    assert ended.code == 0
    rows = dict(line.split(maxsplit=1) for line in ended.out.splitlines() if line)
    assert rows["address"] == server.url
    assert rows["process"].startswith("17, up since ")
    assert rows["memory"] == "64 MiB"
    assert (rows["Functions"], rows["Endpoints"]) == ("2", "1")


def test_status_as_json_has_the_api_s_fields_and_the_address(run, server, status):
    assert run("status", "--json").value == {
        **STATUS,
        "StartedAt": "2026-11-20T12:00:00+00:00",
        "Url": server.url,
    }


def test_stop_asks_the_server_and_waits_until_the_folder_is_free(run, server, monkeypatch):
    held = iter([True, False])
    monkeypatch.setattr(commands, "is_held", lambda _: next(held))
    server.answers["StopServer"] = lambda _: {"ProcessId": 17}
    ended = run("stop", "--all")
    assert (ended.code, ended.out, ended.err) == (0, "", "stopped\n")
    assert server.asked == [("StopServer", {"All": True})]


def test_up_starts_no_server_for_a_folder_without_a_program(run, tmp_path):
    data, program = tmp_path / "data", tmp_path / "program"
    program.mkdir()
    ended = run("up", str(program), "--data", str(data))
    assert ended.code == 1
    assert "has no __main__.py" in ended.err
    assert not data.exists()


def test_a_data_folder_that_cannot_be_made_is_told_in_a_line(run, tmp_path):
    place = tmp_path / "file"
    place.write_text("")
    (tmp_path / "__main__.py").write_text("")
    ended = run("up", str(tmp_path), "--data", str(place / "data"))
    assert ended.code == 1
    assert ended.err == f"stepwell: cannot use the data folder {place / 'data'}: Not a directory\n"
