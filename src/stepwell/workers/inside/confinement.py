"""Shuts the calling process in before it runs a user's code: own view of the disk, allow-list, limits.

What is asked for comes as one JSON object (see `confine`). Landlock is the boundary where the kernel has
it; without it, and as root, a user of its own. A mount namespace gives the user's code the paths that it
would see on AWS. Called between fork and exec, or by a worker on itself: one thread, no way back.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP = 1, 36, 38, 24
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 1
#: where programs share memory; they change its files as they change their own
SHARED_MEMORY = "/dev/shm"

#: landlock's system calls have the same numbers on all of these machines
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
LANDLOCK_MACHINES = ("x86_64", "aarch64", "riscv64", "s390x", "ppc64le", "armv7l", "i686")
READ = 1 << 0 | 1 << 2 | 1 << 3  # execute, read file, read dir
FILE_ONLY = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15  # the rights that a rule on a file may hold
#: all rights over files that each version of landlock's interface knows
RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
SCOPE_ABSTRACT_SOCKET, SCOPE_SIGNAL = 1, 2

libc = ctypes.CDLL(None, use_errno=True)


class ConfinementError(Exception):
    """A confinement that was demanded is not to be had on this machine."""


def call(result: int, what: str) -> int:
    """The result of a C function; raises OSError with `what` when it is negative."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int) -> None:
    """Raises OSError."""
    call(libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), "prctl")


def die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent`, which started it, ends."""
    prctl(PR_SET_PDEATHSIG, 9)
    if os.getppid() != parent:
        os._exit(137)  # it ended before the line above


def landlock_version() -> int:
    """The version of landlock's interface that the kernel has; 0 where it has none."""
    if platform.machine() not in LANDLOCK_MACHINES:
        return 0
    return max(0, int(libc.syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)))


def confine(wish: dict[str, Any]) -> dict[str, Any]:
    """Shut this process in. Returns what was done: `mounted` (the targets that are there), `frozen` (whether
    the disk is read-only but for `own`), `landlock` (its version, or 0), `user`, `network`.

    `wish` may hold: `mounts`, pairs of folder and target; `read` and `write`, paths that may be read, and
    changed; `own`, the folders among those that are this process's own; `hide`, paths that no rule above may
    open (the server's data); `network`, false to take it away (ConfinementError where that fails); `limits`,
    resource limits by their name (`nofile`: 1024); `landlock`, false to do without; `user`, a user id for
    where landlock is missing, to whom the folders in `own` are given; `share`, folders that may be changed
    and are not its own; `become`, a user id, group id and further groups, demanded whatever else there is
    (ConfinementError where its folders cannot be shown to that user).
    """
    isolate = not wish.get("network", True)
    read, own = wish.get("read", []), wish.get("own", [])
    mounts = [(pair[0], pair[1]) for pair in wish.get("mounts", [])]
    mounted, kept = _enter_namespaces(mounts, [*read, *wish.get("write", [])], wish.get("hide", []), isolate)
    targets = [target for source, target in mounts if source in own and target in mounted]
    frozen = bool(mounted) and _freeze(
        targets, [path for path in kept if path in read], [*own, *wish.get("share", [])]
    )
    wish = {**wish, "write": [*wish.get("write", []), *targets]}
    for name, value in wish.get("limits", {}).items():
        _limit(name, value)
    done: dict[str, Any] = {
        "mounted": mounted,
        "frozen": frozen,
        "landlock": 0,
        "user": None,
        "network": not isolate,
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    version = landlock_version() if wish.get("landlock", True) else 0
    if version:
        _landlock(version, wish)
        done["landlock"] = version
    if wish.get("become") is not None:
        if any(source in own and target not in mounted for source, target in mounts):
            raise ConfinementError("this machine lends no mounts: a worker cannot be another user's")
        uid, gid, groups = wish["become"]
        _become(uid, gid, groups, own)
        done["user"] = uid
    elif not version and os.geteuid() == 0 and wish.get("user") is not None and _reachable(wish):
        _become(wish["user"], wish["user"], [], own)
        done["user"] = wish["user"]
    _drop_capabilities()
    return done


def _reachable(wish: dict[str, Any]) -> bool:
    """Whether any user can read what the worker has to read; what is mounted needs no way through folders."""
    shown = [source for source, _ in wish.get("mounts", [])]
    return all(
        os.access(path, os.F_OK) is False or open_to_all(os.path.realpath(path))
        for path in wish.get("read", [])
        if path not in shown
    )


def open_to_all(path: str) -> bool:
    """Whether any user can read `path` and pass the folders before it."""
    while os.stat(path).st_mode & 0o005 == 0o005 or (
        not os.path.isdir(path) and os.stat(path).st_mode & 0o004
    ):
        if path == "/":
            return True
        path = os.path.dirname(path)
    return False


def _become(user: int, group: int, groups: list[int], own: list[str]) -> None:
    """Give the worker's folders to `user`, and become it. Raises OSError."""
    for folder in own:
        os.chown(folder, user, group)
        for parent, folders, files in os.walk(folder):
            for name in folders + files:
                os.lchown(os.path.join(parent, name), user, group)
    os.setgroups(groups)
    os.setgid(group)
    os.setuid(user)


def _limit(name: str, value: int) -> None:
    """Set a resource limit, as far as the hard limit allows."""
    kind = getattr(resource, "RLIMIT_" + name.upper())
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def _enter_namespaces(
    mounts: list[tuple[str, str]], needed: list[str], hide: list[str], isolate: bool
) -> tuple[list[str], list[str]]:
    """Own mounts (as far as they are to be had) and, with `isolate`, no network (demanded).

    What a target covers of the `needed` paths is shown again inside it. Nothing hidden is: a target under
    which a needed path holds a hidden one is left out. Returns the targets that are there, and what was
    shown again.
    """
    shown: list[str] = []
    kept: list[str] = []
    if not mounts and not isolate:
        return shown, kept
    wanted = CLONE_NEWNS | (CLONE_NEWNET if isolate else 0)
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(wanted) != 0:
        if libc.unshare(wanted | CLONE_NEWUSER) != 0:
            if isolate:
                raise ConfinementError("this machine lends no network namespace: isolation is refused")
            return shown, kept
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{uid} {uid} 1")
        _write("/proc/self/gid_map", f"{gid} {gid} 1")
    # A target may cover a later source: all are opened before the first is covered.
    sources = [(os.open(source, os.O_PATH | os.O_CLOEXEC), target) for source, target in mounts]
    hidden = [os.path.realpath(path) for path in hide]
    try:
        mount(None, "/", None, MS_REC | MS_PRIVATE)
        for handle, target in sources:
            covered = _covered(target, needed)
            if any(within(secret, os.path.realpath(path)) for path in covered for secret in hidden):
                continue
            _cover(handle, target, covered)
            shown.append(target)
            kept += covered
    except OSError:
        return shown, kept
    finally:
        for handle, _ in sources:
            os.close(handle)
    return shown, kept


def within(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or lies below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _covered(target: str, needed: list[str]) -> list[str]:
    """The existing paths of `needed` below `target`, without those below one another."""
    below = sorted(
        {path for path in needed if path != target and within(path, target) and os.path.exists(path)}
    )
    return [path for path in below if not any(path != other and within(path, other) for other in below)]


def _cover(source: int, target: str, covered: list[str]) -> None:
    """Show an opened folder at `target`, and inside it what it would cover. Raises OSError."""
    handles = [(os.open(path, os.O_PATH | os.O_CLOEXEC), path) for path in covered]
    try:
        place(f"/proc/self/fd/{source}", target)
        for handle, path in handles:
            held = f"/proc/self/fd/{handle}"
            if os.path.isdir(held):
                os.makedirs(path, exist_ok=True)
            else:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            mount(held, path, None, MS_BIND | MS_REC)
    finally:
        for handle, _ in handles:
            os.close(handle)


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    """Raises OSError."""
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    call(libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), None), "mount " + target)


def place(source: str, target: str) -> None:
    """Show the folder `source` at `target`, which need not exist on the disk. Raises OSError."""
    if not os.path.isdir(target):
        _make_room(target)
    mount(source, target, None, MS_BIND | MS_REC)


def _make_room(target: str) -> None:
    """Make a folder that only this process's mount namespace has.

    The nearest existing parent is covered by a tmpfs into which all that it held is mounted again. The disk
    itself is not touched.
    """
    parent = os.path.dirname(target)
    while not os.path.isdir(parent):
        parent = os.path.dirname(parent)
    if parent == "/":
        raise OSError("the root folder is not covered")
    entries = sorted(os.listdir(parent))
    handle = os.open(parent, os.O_PATH | os.O_DIRECTORY)
    try:
        mount("tmpfs", parent, "tmpfs", 0)
        for name in entries:
            held, shown = f"/proc/self/fd/{handle}/{name}", os.path.join(parent, name)
            if os.path.islink(held):
                os.symlink(os.readlink(held), shown)
                continue
            if os.path.isdir(held):
                os.mkdir(shown)
            else:
                os.close(os.open(shown, os.O_CREAT | os.O_WRONLY, 0o644))
            mount(held, shown, None, MS_BIND | MS_REC)
        os.makedirs(target)
    finally:
        os.close(handle)


def _freeze(targets: list[str], kept: list[str], own: list[str]) -> bool:
    """Make every mount read-only but the worker's own; whether that was to be had.

    `targets` are mounts of own folders, inside which `kept` paths may be shown that are not to be changed.
    Landlock stops no chmod, chown or utime, and a worker has its server's user id: without this it could
    open the data folder to other users of the machine.
    """
    own = [path for path in own if os.path.isdir(path)]
    try:
        for path in (*own, *targets, SHARED_MEMORY):
            if os.path.isdir(path):
                mount(path, path, None, MS_BIND | MS_REC)
        _set_read_only("/", True)
        for path in (*targets, SHARED_MEMORY):
            if os.path.isdir(path):
                _set_read_only(path, False)
        for path in kept:
            _set_read_only(path, True)
        for path in own:
            _set_read_only(path, False)
    except OSError:
        return False
    return True


def _set_read_only(path: str, wanted: bool) -> None:
    """Raises OSError."""
    bit = MOUNT_ATTR_RDONLY
    attributes = struct.pack("QQQQ", bit if wanted else 0, 0 if wanted else bit, 0, 0)
    done = libc.syscall(
        MOUNT_SETATTR, AT_FDCWD, os.fsencode(path), AT_RECURSIVE, attributes, ctypes.c_size_t(32)
    )
    call(done, "mount_setattr " + path)


def _landlock(version: int, wish: dict[str, Any]) -> None:
    """Forbid all of the file system but what `read` and `write` open. Raises OSError."""
    handled = RIGHTS[min(version, 5)]
    scope = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL if version >= 6 else 0
    attributes = struct.pack("QQQ", handled, 0, scope)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = call(
        libc.syscall(LANDLOCK_CREATE, attributes, ctypes.c_size_t(size), 0), "landlock_create_ruleset"
    )
    hide = [os.path.realpath(path) for path in wish.get("hide", [])]
    opened = [(path, READ) for path in _without(wish.get("read", []), hide)]
    opened += [(path, handled) for path in _without(wish.get("write", []), hide)]
    for path, rights in opened:
        try:
            handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # what is not there needs no rule
        if not os.path.isdir(path):
            rights &= FILE_ONLY
        rule = struct.pack("=Qi", rights & handled, handle)
        call(libc.syscall(LANDLOCK_ADD, ruleset, 1, rule, 0), "landlock_add_rule " + path)
        os.close(handle)
    call(libc.syscall(LANDLOCK_RESTRICT, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)


def _without(paths: list[str], hide: list[str]) -> list[str]:
    """`paths` with each that contains a hidden one replaced by what lies beside the hidden one.

    A path inside a hidden folder stays: it was named on purpose (the worker's own folder in the data folder).
    """
    found: list[str] = []
    for path in paths:
        real = os.path.realpath(path)
        inside = [hidden for hidden in hide if hidden == real or hidden.startswith(real.rstrip("/") + "/")]
        if not inside:
            found.append(path)
        elif real not in inside:
            try:
                found += _without([os.path.join(real, name) for name in os.listdir(real)], hide)
            except OSError:
                continue
    return found


def _drop_capabilities() -> None:
    """Give up what root may do beyond owning files; no effect for others."""
    if os.geteuid() != 0:
        return
    with open("/proc/sys/kernel/cap_last_cap") as file:
        last = int(file.read())
    for number in range(last + 1):
        libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(number), 0, 0, 0)
    header = struct.pack("Ii", 0x20080522, 0)
    call(libc.capset(header, struct.pack("IIIIII", 0, 0, 0, 0, 0, 0)), "capset")
