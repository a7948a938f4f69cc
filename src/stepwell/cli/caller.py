"""Who a command acts as: the user whose keys the shell has, where the shell talks to this very server.

`stepwell env`, or AWS_ENDPOINT_URL with a user's keys, or a profile with `endpoint_url`, point the shell's
AWS tools at a server. Then a command of ours acts as they do: what it does is kept under the right name, and
done with that user's rights. A shell that points elsewhere, or nowhere, says nothing about this server: its
keys are another's, and the command acts as the server's owner.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

#: names of this machine
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Keys that a command signs with."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    #: of a role's session; None for a user's or the root's keys
    session_token: str | None = field(default=None, repr=False)


def of_shell(url: str) -> Caller | None:
    """The shell's AWS user, as its AWS tools find it; None where they don't talk to the server at `url`."""
    if not os.environ.get("AWS_ACCESS_KEY_ID") and not os.environ.get("AWS_PROFILE"):
        return None
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    session = Session()
    try:
        pointed = os.environ.get("AWS_ENDPOINT_URL") or session.get_scoped_config().get("endpoint_url", "")
        if not is_same(pointed, url):
            return None
        found = session.get_credentials()
    except BotoCoreError:
        # a profile that isn't there, or half of a key pair: the shell's tools reach nothing with it
        return None
    if found is None:
        return None
    frozen = found.get_frozen_credentials()
    return Caller(
        access_key_id=frozen.access_key,
        secret_access_key=frozen.secret_key,
        session_token=frozen.token,
    )


def is_same(one: str, other: str) -> bool:
    """Whether two URLs mean the same server; `localhost` is this machine under another name."""
    if not one:
        return False
    first, second = urlsplit(one), urlsplit(other)
    hosts = [LOOPBACK[0] if each.hostname in LOOPBACK else each.hostname for each in (first, second)]
    return (first.scheme, hosts[0], first.port) == (second.scheme, hosts[1], second.port)
