"""IAM's errors. The codes carry no `Exception`; the statuses are those of AWS's model."""

from __future__ import annotations

from stepwell.errors import AwsError


class NoSuchEntity(AwsError):
    """The role, user, policy, key or version does not exist."""

    code = "NoSuchEntity"
    status = 404


class EntityAlreadyExists(AwsError):
    """Something of that name exists."""

    code = "EntityAlreadyExists"
    status = 409


class DeleteConflict(AwsError):
    """What is to be deleted is still in use."""

    code = "DeleteConflict"
    status = 409


class LimitExceeded(AwsError):
    """A quota of the account would be exceeded."""

    code = "LimitExceeded"
    status = 409


class UnmodifiableEntity(AwsError):
    """Only AWS changes a service-linked role."""

    code = "UnmodifiableEntity"
    status = 400


class PolicyNotAttachable(AwsError):
    """The policy is for service-linked roles only."""

    code = "PolicyNotAttachable"
    status = 400


class InvalidInput(AwsError):
    """A parameter makes no sense."""

    code = "InvalidInput"
    status = 400


def quota(name: str, limit: int) -> LimitExceeded:
    """AWS's text for most quotas."""
    return LimitExceeded(f"Cannot exceed quota for {name}: {limit}")
