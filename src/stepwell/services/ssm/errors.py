"""Systems Manager's errors, in AWS's words."""

from __future__ import annotations

from collections.abc import Iterable

from stepwell.errors import AwsError


class InvalidInstanceId(AwsError):
    """An instance is not known."""

    code = "InvalidInstanceId"

    @classmethod
    def of(cls, ids: Iterable[str], account: str) -> InvalidInstanceId:
        """What SendCommand says of instances that nobody registered."""
        return cls(f"Instances [[{', '.join(ids)}]] not in a valid state for account {account}")


class InvalidResourceId(AwsError):
    """What is to be tagged does not exist."""

    code = "InvalidResourceId"


class InvalidResourceType(AwsError):
    """That kind of resource is not served here."""

    code = "InvalidResourceType"


class TooManyTagsError(AwsError):
    """More tags than a resource may have."""

    code = "TooManyTagsError"


class InvalidNextToken(AwsError):
    """The token for the next page is not one that was given for this list."""

    code = "InvalidNextToken"


class InvalidFilterKey(AwsError):
    """The list cannot be filtered by that."""

    code = "InvalidFilterKey"


class InvalidFilterValue(AwsError):
    """A filter asks for a value that cannot be."""

    code = "InvalidFilterValue"


class InvalidFilter(AwsError):
    """The filter names what is not known."""

    code = "InvalidFilter"


class InvalidTypeName(AwsError):
    """That type of inventory is not kept."""

    code = "InvalidTypeNameException"
