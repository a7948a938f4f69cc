"""`doctor`."""

from __future__ import annotations

import shutil
import socket

import pytest

from stepwell.cli import doctor
from stepwell.cli.doctor import Place


@pytest.fixture
def place(tmp_path):
    """A user without settings, and a folder that no server uses."""
    return lambda **environment: Place(
        data=tmp_path / "data", cache=tmp_path / "cache", home=tmp_path, environment=environment
    )


def by_name(rows):
    return {row.name: row for row in rows}


def test_this_machine_has_what_is_needed(run, tmp_path):
    ended = run("doctor", "--data", str(tmp_path), "--json")
    assert ended.code == 0
    assert {row["verdict"] for row in ended.value} <= {"ok", "warn"}
    names = [row["name"] for row in ended.value]
    assert {"python", "uv", "landlock", "data folder", "pulumi", "server", "AWS_ENDPOINT_URL"} <= set(names)
    assert all(set(row) == {"name", "verdict", "detail", "advice"} for row in ended.value)


def test_people_see_the_same_findings_one_a_line(run, tmp_path):
    found = run("doctor", "--data", str(tmp_path), "--json").value
    shown = run("doctor", "--data", str(tmp_path)).out
    assert "\x1b" not in shown
    starts = [line.split(maxsplit=1)[1] for line in shown.splitlines()[1:] if line.startswith(("ok", "warn"))]
    assert len(starts) == len(found)
    assert all(start.startswith(row["name"]) for start, row in zip(starts, found, strict=True))


def test_nothing_is_written(run, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    run("doctor", "--data", str(tmp_path / "data"))
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_fails_and_is_shown_with_a_way_out(run, tmp_path, monkeypatch):
    import uv

    def absent():
        raise FileNotFoundError("no uv here")

    monkeypatch.setattr(uv, "find_uv_bin", absent)
    monkeypatch.setattr(doctor, "CHECKS", (doctor.tools,))
    ended = run("doctor", "--data", str(tmp_path))
    assert ended.code == 1
    assert "missing" in ended.out
    assert "-m pip install uv" in ended.out


def test_a_full_disk_is_a_warning(place, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 90, 10))
    assert {row.verdict for row in doctor.disks(place())} == {"warn"}


def test_a_folder_that_may_not_be_written_is_missing(place, monkeypatch):
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    rows = list(doctor.disks(place()))
    assert {row.verdict for row in rows} == {"missing"}
    assert all("writable" in row.advice for row in rows)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, {}),
        ({"AWS_PROFILE": "production"}, {"AWS_PROFILE": "stepwell env"}),
        ({"AWS_SESSION_TOKEN": "x"}, {"AWS_SESSION_TOKEN": "stepwell env"}),
        ({"AWS_ENDPOINT_URL_S3": "https://x"}, {"AWS_ENDPOINT_URL_S3": "stepwell env"}),
        ({"http_proxy": "http://proxy:3128"}, {"http_proxy": "no_proxy"}),
        ({"http_proxy": "http://proxy:3128", "no_proxy": "example.com, 127.0.0.1"}, {}),
        ({"AWS_REGION": "us-west-2", "AWS_PAGER": ""}, {}),
    ],
)
def test_variables_that_lead_elsewhere_are_named_with_what_to_do(place, environment, expected):
    warned = {row.name: row for row in doctor.shell(place(**environment)) if row.verdict == "warn"}
    assert set(warned) == set(expected)
    assert all(part in warned[name].advice for name, part in expected.items())


def test_no_value_of_a_secret_variable_is_shown(place):
    rows = list(doctor.shell(place(AWS_SESSION_TOKEN="hidden", AWS_SECRET_ACCESS_KEY="hidden")))
    assert all("hidden" not in row.detail + row.advice for row in rows)


def test_an_endpoint_other_than_the_folder_s_server_is_a_warning(data, server):
    def verdict(url):
        environment = {"AWS_ENDPOINT_URL": url}
        place = Place(data=data, cache=data, home=data, environment=environment)
        return by_name(doctor.shell(place))["AWS_ENDPOINT_URL"].verdict

    assert verdict(server.url) == "ok"
    assert verdict("http://127.0.0.1:1") == "warn"


@pytest.mark.parametrize(
    ("text", "environment", "expected"),
    [
        ("[default]\nregion = us-east-1\n", {}, []),
        ("[default]\nendpoint_url = https://x\n", {}, ["endpoint_url = https://x"]),
        (
            "[default]\nignore_configured_endpoint_urls = true\n",
            {},
            ["ignore_configured_endpoint_urls = true"],
        ),
        ("[profile p]\nservices = s\n[services s]\ns3 =\n  endpoint_url = https://x\n", {}, []),
        ("[profile p]\nservices = s\n", {"AWS_PROFILE": "p"}, ["services = s"]),
        ("no ini at all", {}, ["File contains no section headers."]),
    ],
)
def test_settings_of_the_profile_in_use_are_named(place, tmp_path, text, environment, expected):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(text)
    rows = list(doctor.files(place(**environment)))
    assert [row.detail for row in rows if row.verdict == "warn"] == expected
    assert all(row.advice for row in rows if row.verdict == "warn")


def test_a_running_server_is_named_and_its_port_not_tried(data, server):
    place = Place(data=data, cache=data, home=data, environment={})
    assert [(row.name, row.verdict) for row in doctor.server(place)] == [("server", "ok")]


def test_a_port_that_is_taken_is_a_warning(place, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setattr(doctor, "PORT", other.getsockname()[1])
        row = list(doctor.server(place()))[1]
        assert (row.verdict, "--listen" in row.advice) == ("warn", True)
    assert list(doctor.server(place()))[1].verdict == "ok"


def test_images_that_are_not_built_yet_are_no_fault(place):
    (row,) = doctor.environments(place())
    assert row.verdict == "ok"
    assert "scikit-learn 1.2-1" in row.detail


def test_a_faulty_images_file_is_named(place):
    known = place()
    known.data.mkdir()
    (known.data / "images.toml").write_text("[images.x]\npython = 3\n")
    (row,) = doctor.environments(known)
    assert (row.verdict, row.advice) == ("warn", f"mend {known.data / 'images.toml'}")
