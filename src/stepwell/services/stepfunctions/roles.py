"""The execution role: it must exist, and trust Step Functions."""

from __future__ import annotations

from stepwell.api.roles import trusts
from stepwell.durable import Draft
from stepwell.services.stepfunctions.errors import RoleNotTrusted

SERVICE = "states.amazonaws.com"


def require_trusted(draft: Draft, role: str) -> None:
    """Raise RoleNotTrusted unless Step Functions, or its regional principal, may assume the role."""
    if not trusts(draft, role, SERVICE, f"states.{draft.region}.amazonaws.com"):
        raise RoleNotTrusted
