"""What a worker may touch is an allow-list out of which the data folder is cut."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stepwell.workers import containment, processes
from stepwell.workers.inside import confinement


def test_a_path_around_the_data_folder_is_replaced_by_what_lies_beside_it(tmp_path: Path) -> None:
    for name in ("a", "data", "deep/b", "deep/data"):
        (tmp_path / name).mkdir(parents=True)
    hide = [str(tmp_path / "data"), str(tmp_path / "deep" / "data")]
    found = confinement._without([str(tmp_path)], hide)
    assert sorted(found) == [str(tmp_path / "a"), str(tmp_path / "deep" / "b")]


def test_a_path_inside_the_data_folder_was_named_on_purpose(tmp_path: Path) -> None:
    own = tmp_path / "data" / "worker"
    own.mkdir(parents=True)
    assert confinement._without([str(own)], [str(tmp_path / "data")]) == [str(own)]


def test_the_data_folder_itself_is_never_opened(tmp_path: Path) -> None:
    assert confinement._without([str(tmp_path)], [str(tmp_path)]) == []


def test_a_link_to_the_data_folder_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to("data")
    assert confinement._without([str(tmp_path / "link")], [str(tmp_path / "data")]) == []


def test_a_python_is_read_with_all_that_its_links_lead_to(tmp_path: Path) -> None:
    for name in ("base/bin", "venv/bin"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "base/bin/python3").touch()
    (tmp_path / "venv/bin/python").symlink_to(tmp_path / "base/bin/python3")
    found = containment.python_paths(tmp_path / "venv/bin/python")
    assert found == (tmp_path / "venv", tmp_path / "base")


def test_every_offer_says_what_it_means() -> None:
    offers = containment.offers()
    assert {"landlock", "mount namespace", "network namespace"} <= {offer.name for offer in offers}
    assert all(offer.detail for offer in offers)


def test_a_pid_alone_is_nobody() -> None:
    own = processes.identify(os.getpid())
    assert own is not None
    assert own.alive()
    assert not processes.Identity(own.pid, own.start_time + 1, own.boot_id).alive()
    assert not processes.Identity(own.pid, own.start_time, "another boot").alive()
    assert processes.from_json(own.as_json()) == own


@pytest.mark.skipif(confinement.landlock_version() == 0, reason="this kernel has no landlock")
def test_nothing_may_be_changed_but_what_was_opened(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "theirs").write_text("x")
    child = os.fork()
    if child == 0:
        outcome = 9
        try:
            rules = containment.rules(data=tmp_path / "data", write=[tmp_path / "mine"], read=[tmp_path])
            confinement.confine(rules)
            (tmp_path / "mine" / "new").write_text("x")
            outcome = 1 if (tmp_path / "theirs").read_text() == "x" else 2
            (tmp_path / "theirs").write_text("y")
            outcome = 3
        except PermissionError:
            outcome -= 1
        finally:
            os._exit(outcome)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (tmp_path / "theirs").read_text() == "x"


@pytest.mark.skipif(not confinement.landlock_version(), reason="this kernel has no landlock")
@pytest.mark.skipif(not containment._namespace().available, reason="no mount namespace is to be had")
def test_the_owner_of_a_file_cannot_open_it_to_others_from_inside(tmp_path: Path) -> None:
    """Landlock lets a worker chmod what its user owns: the data folder would be anybody's."""
    data, mine = tmp_path / "data", tmp_path / "data/mine"
    mine.mkdir(parents=True)
    (data / "secret").write_text("x")
    (mine / "script").write_text("x")
    for path, mode in ((data, 0o700), (data / "secret", 0o600), (mine / "script", 0o600)):
        path.chmod(mode)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            done = confinement.confine(
                containment.rules(
                    # the second target covers the data folder: only `mine` is shown again inside it
                    data=data,
                    write=[mine],
                    mounts=[(mine, "/opt/ml"), (mine, str(tmp_path))],
                )
            )
            changed = [str(done["frozen"])]
            for path in (data, data / "secret", mine / "script", Path("/opt/ml/script"), Path("/etc/passwd")):
                try:
                    os.chmod(path, 0o755 if path.name == "script" else os.stat(path).st_mode & 0o777)
                    changed.append(path.name)
                except OSError:
                    continue
            (Path("/opt/ml") / "new").write_text("x")
            os.write(write_end, " ".join(changed).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(write_end)
    with os.fdopen(read_end) as file:
        assert file.read() == "True data script script"
    assert (mine / "new").exists()
    assert [path.stat().st_mode & 0o777 for path in (data, data / "secret")] == [0o700, 0o600]


@pytest.mark.skipif(not containment._namespace().available, reason="no mount namespace is to be had")
def test_a_covered_tmp_shows_what_is_needed_again_and_the_data_folder_not(tmp_path: Path) -> None:
    """A data folder below /tmp, a Python too: the worker has a /tmp of its own, and reads no secret there."""
    data, tmp, python = tmp_path / "data", tmp_path / "data/worker/tmp", tmp_path / "python"
    for folder in (tmp, python):
        folder.mkdir(parents=True)
    (data / "secret").write_text("x")
    (python / "library").write_text("code")
    rules = containment.rules(data=data, write=[tmp], read=[python], mounts=[(tmp, str(tmp_path))])
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            mounted = confinement.confine(rules)["mounted"]
            told = [str(mounted == [str(tmp_path)]), (python / "library").read_text()]
            (tmp_path / "mine").write_text("x")
            for act in (
                lambda: (data / "secret").read_text(),
                lambda: (python / "library").write_text("y"),
                lambda: (python / "new").write_text("y"),
                lambda: (python / "library").chmod(0o777),
            ):
                try:
                    act()
                    told.append("done")
                except OSError as error:
                    told.append(type(error).__name__)
            os.write(write_end, " ".join(told).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(write_end)
    with os.fdopen(read_end) as file:
        assert file.read() == "True code FileNotFoundError OSError OSError OSError"
    assert (tmp / "mine").read_text() == "x"
    assert not (tmp_path / "mine").exists()


def test_a_target_that_would_show_the_data_folder_again_is_not_made(tmp_path: Path) -> None:
    """A readable folder that holds the data folder is not shown inside a covered one."""
    data, tmp = tmp_path / "home/data", tmp_path / "home/data/tmp"
    tmp.mkdir(parents=True)
    (data / "secret").write_text("x")
    rules = containment.rules(data=data, write=[tmp], read=[tmp_path / "home"], mounts=[(tmp, str(tmp_path))])
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            told = [str(confinement.confine(rules)["mounted"])]
            try:
                told.append((data / "secret").read_text())
            except OSError as error:
                told.append(type(error).__name__)
            os.write(write_end, " ".join(told).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(write_end)
    with os.fdopen(read_end) as file:
        told = file.read()
    assert told.startswith("[] ")
    assert told == "[] PermissionError" or confinement.landlock_version() == 0
