"""The managed instance's record, and what it says of the machine.

There is one: the machine that the server runs on. It registers itself at the server's first start, under an
id of the shape that AWS gives to machines outside EC2, and keeps it for the data folder's life.
"""

from __future__ import annotations

import platform
import socket
from dataclasses import dataclass
from typing import ClassVar

from msgspec.structs import replace

from stepwell.durable import Draft, Record, View

#: the only key there is
HERE = "here"
#: an address that is never contacted: connecting a datagram socket to it only asks for the route
#: (RFC 5737, TEST-NET-1)
ELSEWHERE = ("192.0.2.1", 9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is known of the machine."""

    #: as the system names itself: `Debian GNU/Linux`, `12`
    platform_name: str
    platform_version: str
    #: `Linux` or `MacOS`
    platform_type: str
    #: the host's name
    computer_name: str
    #: the address from which it reaches others
    ip_address: str
    #: `x86_64`, `arm64`
    architecture: str


class ManagedInstance(Record, frozen=True, kw_only=True):
    """The machine as Systems Manager knows it."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "instance"

    #: `mi-` and 17 hexadecimal digits
    id: str
    #: seconds since the epoch
    registered: float
    machine: Machine
    #: the ARN of the role whose credentials commands get; None for none
    role: str | None = None

    @property
    def key(self) -> str:
        return HERE


def this_machine() -> Machine:
    """What this machine says of itself."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    return Machine(
        platform_name=release.get("NAME") or platform.system(),
        platform_version=release.get("VERSION_ID") or platform.release(),
        platform_type="MacOS" if platform.system() == "Darwin" else "Linux",
        computer_name=socket.gethostname() or "localhost",
        ip_address=_address(),
        architecture=platform.machine(),
    )


def _address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(ELSEWHERE)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def register(draft: Draft, machine: Machine) -> None:
    """Know the machine, at every start of the server: its id stays, what it says of itself may change."""
    known = draft.get(ManagedInstance, HERE)
    if known is None:
        known = ManagedInstance(id=f"mi-{draft.unique()[:17]}", registered=draft.now, machine=machine)
    draft.put(replace(known, machine=machine))


def find(view: View) -> ManagedInstance | None:
    """The machine; None before the server's first start was committed."""
    return view.get(ManagedInstance, HERE)


def exists(view: View, id: str) -> bool:
    """Whether the machine has that id. An alias has no tags of its own: `i-` ids are tagged in EC2."""
    found = find(view)
    return found is not None and found.id == id
