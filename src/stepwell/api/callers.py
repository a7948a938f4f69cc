"""Callers that the server itself makes calls as."""

from __future__ import annotations

from stepwell.calls import Caller


def role_session(role_arn: str, session: str, role_id: str = "") -> Caller:
    """A session of a role. Its ARN leaves the role's path out, as AWS's does."""
    account = role_arn.split(":")[4]
    name = role_arn.rpartition("/")[2]
    return Caller(
        arn=f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
        account=account,
        kind="role",
        role=role_arn,
        user_id=f"{role_id}:{session}" if role_id else session,
    )


def service_principal(name: str, account: str) -> Caller:
    """An AWS service acting by itself: `s3.amazonaws.com`."""
    return Caller(arn=name, account=account, kind="service", user_id=name)


def root(account: str, access_key_id: str | None = None) -> Caller:
    """The account's root."""
    return Caller(
        arn=f"arn:aws:iam::{account}:root",
        account=account,
        kind="root",
        user_id=account,
        access_key_id=access_key_id,
    )
