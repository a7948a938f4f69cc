"""Roles that rules and targets name: EventBridge must be able to assume them."""

from __future__ import annotations

from stepwell.api.roles import trusts
from stepwell.durable import Draft
from stepwell.errors import ValidationException
from stepwell.services.events.names import SERVICE


def require_trusted(draft: Draft, role: str, rule: str) -> None:
    """Raise ValidationException unless the role exists and EventBridge may assume it for the rule's ARN."""
    if not trusts(draft, role, SERVICE, source=rule):
        raise ValidationException(f"Provided role '{role}' cannot be assumed by principal '{SERVICE}'.")
