"""The execution role: it must exist, and trust Step Functions."""

from __future__ import annotations

from stepwell.api.roles import trusts
from stepwell.durable import Draft
from stepwell.services.stepfunctions.errors import RoleNotTrusted

SERVICE = "states.amazonaws.com"


def require_trusted(draft: Draft, role: str, machine: str) -> None:
    """Raise RoleNotTrusted unless Step Functions, or its regional principal, may assume it for `machine`."""
    if not trusts(draft, role, SERVICE, f"states.{draft.region}.amazonaws.com", source=machine):
        raise RoleNotTrusted
