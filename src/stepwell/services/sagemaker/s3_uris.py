"""`s3://bucket/key`, as SageMaker's requests spell places."""

from __future__ import annotations

from stepwell.errors import ValidationException


def split_s3(uri: str) -> tuple[str, str]:
    """The bucket and the key, which may be empty. Raises ValidationException."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise ValidationException(f"Not an S3 URI: {uri}. It must begin with s3:// and name a bucket.")
    return bucket, key


def require_s3(uri: str) -> None:
    """Raise ValidationException unless `uri` names a place in S3."""
    split_s3(uri)


def below(uri: str, *parts: str) -> str:
    """A place below `uri`."""
    return "/".join((uri.rstrip("/"), *parts))
