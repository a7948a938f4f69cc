"""Whom a resource's policy speaks of, and how firmly it names a caller.

How a caller is named decides what else must allow the call (IAM User Guide, "Policy evaluation for
requests within a single account"): a user or a role's session named directly needs nothing more, a
role's boundary and session policies still limit it, and a whole account only hands the choice on to
its identity policies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from stepwell.calls import Caller

_ACCOUNT = re.compile(r"\d{12}")
_ACCOUNT_ROOT = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):root")
_AWS = re.compile(
    r"arn:aws[a-z-]*:(iam::\d{12}:(user|role)/[\w+=,.@/-]+"
    r"|sts::\d{12}:(assumed-role/[\w+=,.@-]+/|federated-user/)[\w+=,.@-]+)"
    r"|A(ROA|IDA)[A-Z0-9]{12,}"
)
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.(amazonaws\.com(\.cn)?|amazon\.com|aws\.internal)")
_REGION = re.compile(r"\.[a-z]{2}(-[a-z]+)+-\d\.amazonaws\.com$")


class Naming(IntEnum):
    """How firmly a policy names a caller; the greater the firmer."""

    NONE = 0
    #: the caller's account: its identity policies must allow too
    ACCOUNT = 1
    #: the caller's role: its boundary and session policies must allow too
    ROLE = 2
    #: the user, the role's session, the service, or everyone
    DIRECT = 3


class InvalidPrincipal(ValueError):
    """A principal that no policy may name; its text is AWS's message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principals:
    """A statement's Principal or NotPrincipal."""

    #: `*`
    everyone: bool
    #: ARNs and unique ids of users, roles and sessions
    identities: frozenset[str]
    #: account ids
    accounts: frozenset[str]
    #: service principals; a regional one stands for its service
    services: frozenset[str]
    #: NotPrincipal: all but these
    inverted: bool

    def naming(self, caller: Caller) -> Naming:
        """How this element names `caller`; under NotPrincipal, whom it leaves out it names directly."""
        found = self._listed(caller)
        if self.inverted:
            return Naming.DIRECT if found is Naming.NONE else Naming.NONE
        return found

    def _listed(self, caller: Caller) -> Naming:
        if self.everyone:
            return Naming.DIRECT
        if caller.kind == "service":
            named = _without_region(caller.arn) in self.services or "*" in self.services
            return Naming.DIRECT if named else Naming.NONE
        unique_id, _, session = caller.user_id.partition(":")
        if caller.arn in self.identities or (unique_id in self.identities and not session):
            return Naming.DIRECT
        if caller.role is not None and (caller.role in self.identities or unique_id in self.identities):
            return Naming.ROLE
        if caller.account in self.accounts:
            return Naming.ACCOUNT if caller.kind != "root" else Naming.DIRECT
        return Naming.NONE


def _without_region(service: str) -> str:
    return _REGION.sub(".amazonaws.com", service)


def parse(element: Any, *, inverted: bool) -> Principals | None:
    """The Principal element, or None when it has the wrong shape.

    Federated and canonical users are read and name nobody here: no caller signs as one.
    Raises InvalidPrincipal with AWS's text.
    """
    if element == "*":
        element = {"AWS": "*"}
    if not isinstance(element, Mapping) or not element:
        return None
    identities: set[str] = set()
    accounts: set[str] = set()
    services: set[str] = set()
    everyone = False
    for kind, listed in element.items():
        names = [listed] if isinstance(listed, str) else listed
        if (
            kind not in ("AWS", "Service", "Federated", "CanonicalUser")
            or not isinstance(names, list)
            or not all(isinstance(name, str) for name in names)
        ):
            return None
        for name in names:
            if kind == "AWS":
                if name == "*":
                    everyone = True
                elif _ACCOUNT.fullmatch(name):
                    accounts.add(name)
                elif root := _ACCOUNT_ROOT.fullmatch(name):
                    accounts.add(root.group(1))
                elif _AWS.fullmatch(name):
                    identities.add(name)
                else:
                    raise InvalidPrincipal(f'Invalid principal in policy: "AWS":"{name}"')
            elif kind == "Service":
                if name != "*" and not _SERVICE.fullmatch(name):
                    raise InvalidPrincipal(f'Invalid principal in policy: "SERVICE":"{name}"')
                services.add(_without_region(name))
    return Principals(
        everyone=everyone,
        identities=frozenset(identities),
        accounts=frozenset(accounts),
        services=frozenset(services),
        inverted=inverted,
    )
