"""S3's errors: codes, statuses, messages and extra members as S3 answers them.

Source: the S3 API reference, "Error responses" (list of error codes), and the errors of each operation.
"""

from __future__ import annotations

from stepwell.errors import AwsError


class NoSuchBucket(AwsError):
    code = "NoSuchBucket"
    status = 404

    def __init__(self, bucket: str) -> None:
        super().__init__("The specified bucket does not exist", fields={"BucketName": bucket})


class NoSuchKey(AwsError):
    code = "NoSuchKey"
    status = 404

    def __init__(self, key: str) -> None:
        super().__init__("The specified key does not exist.", fields={"Key": key})


class NoSuchVersion(AwsError):
    code = "NoSuchVersion"
    status = 404

    def __init__(self, key: str, version: str) -> None:
        super().__init__("The specified version does not exist.", fields={"Key": key, "VersionId": version})


class NoSuchUpload(AwsError):
    code = "NoSuchUpload"
    status = 404

    def __init__(self, upload: str) -> None:
        super().__init__(
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been "
            "aborted or completed.",
            fields={"UploadId": upload},
        )


class AbsentConfiguration(AwsError):
    """A bucket's sub-resource was never set; each kind has a code of its own."""

    status = 404

    def __init__(self, code: str, message: str, bucket: str) -> None:
        super().__init__(message, code=code, fields={"BucketName": bucket})


class BucketAlreadyOwnedByYou(AwsError):
    code = "BucketAlreadyOwnedByYou"
    status = 409

    def __init__(self, bucket: str) -> None:
        super().__init__(
            "Your previous request to create the named bucket succeeded and you already own it.",
            fields={"BucketName": bucket},
        )


class BucketNotEmpty(AwsError):
    code = "BucketNotEmpty"
    status = 409

    def __init__(self, bucket: str, versioned: bool) -> None:
        message = "The bucket you tried to delete is not empty"
        if versioned:
            message += ". You must delete all versions in the bucket."
        super().__init__(message, fields={"BucketName": bucket})


class InvalidBucketName(AwsError):
    code = "InvalidBucketName"

    def __init__(self, bucket: str) -> None:
        super().__init__("The specified bucket is not valid.", fields={"BucketName": bucket})


class IllegalLocationConstraint(AwsError):
    code = "IllegalLocationConstraintException"

    def __init__(self, location: str) -> None:
        super().__init__(
            f"The {location} location constraint is incompatible for the region specific endpoint this "
            "request was sent to."
        )


class InvalidLocationConstraint(AwsError):
    code = "InvalidLocationConstraint"

    def __init__(self, location: str) -> None:
        super().__init__(
            "The specified location-constraint is not valid", fields={"LocationConstraint": location}
        )


class InvalidArgument(AwsError):
    code = "InvalidArgument"

    def __init__(self, message: str, name: str, value: object) -> None:
        super().__init__(message, fields={"ArgumentName": name, "ArgumentValue": value})


class InvalidRequest(AwsError):
    code = "InvalidRequest"


class MalformedXML(AwsError):
    code = "MalformedXML"

    def __init__(self) -> None:
        super().__init__(
            "The XML you provided was not well-formed or did not validate against our published schema"
        )


class MalformedPolicy(AwsError):
    code = "MalformedPolicy"


class InvalidTag(AwsError):
    code = "InvalidTag"


class KeyTooLong(AwsError):
    code = "KeyTooLongError"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__("Your key is too long", fields={"Size": size, "MaxSizeAllowed": limit})


class MetadataTooLarge(AwsError):
    code = "MetadataTooLarge"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            "Your metadata headers exceed the maximum allowed metadata size",
            fields={"Size": size, "MaxSizeAllowed": limit},
        )


class EntityTooLarge(AwsError):
    code = "EntityTooLarge"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            "Your proposed upload exceeds the maximum allowed size",
            fields={"ProposedSize": size, "MaxSizeAllowed": limit},
        )


class EntityTooSmall(AwsError):
    code = "EntityTooSmall"

    def __init__(self, size: int, limit: int, part: int, etag: str) -> None:
        super().__init__(
            "Your proposed upload is smaller than the minimum allowed size",
            fields={"ProposedSize": size, "MinSizeAllowed": limit, "PartNumber": part, "ETag": etag},
        )


class InvalidPart(AwsError):
    code = "InvalidPart"

    def __init__(self, upload: str, part: int, etag: str) -> None:
        super().__init__(
            "One or more of the specified parts could not be found.  The part may not have been uploaded, "
            "or the specified entity tag may not match the part's entity tag.",
            fields={"UploadId": upload, "PartNumber": part, "ETag": etag},
        )


class InvalidPartOrder(AwsError):
    code = "InvalidPartOrder"

    def __init__(self, upload: str) -> None:
        super().__init__(
            "The list of parts was not in ascending order. Parts must be ordered by part number.",
            fields={"UploadId": upload},
        )


class InvalidPartNumber(AwsError):
    code = "InvalidPartNumber"
    status = 416

    def __init__(self, asked: int, count: int) -> None:
        super().__init__(
            "The requested partnumber is not satisfiable",
            fields={"PartNumberRequested": asked, "ActualPartCount": count},
        )


class InvalidRange(AwsError):
    code = "InvalidRange"
    status = 416

    def __init__(self, asked: str, size: int) -> None:
        super().__init__(
            "The requested range is not satisfiable",
            fields={"RangeRequested": asked, "ActualObjectSize": size},
        )


class PreconditionFailed(AwsError):
    code = "PreconditionFailed"
    status = 412

    def __init__(self, condition: str) -> None:
        super().__init__(
            "At least one of the pre-conditions you specified did not hold", fields={"Condition": condition}
        )


class NotModified(AwsError):
    code = "NotModified"
    status = 304

    def __init__(self) -> None:
        super().__init__("Not Modified")


class OperationAborted(AwsError):
    code = "OperationAborted"
    status = 409

    def __init__(self) -> None:
        super().__init__(
            "A conflicting conditional operation is currently in progress against this resource. "
            "Please try again."
        )


class NotImplementedByS3(AwsError):
    """What S3 itself refuses."""

    code = "NotImplemented"
    status = 501

    def __init__(self, header: str) -> None:
        super().__init__(
            "A header you provided implies functionality that is not implemented", fields={"Header": header}
        )


class MethodNotAllowed(AwsError):
    code = "MethodNotAllowed"
    status = 405

    def __init__(self, method: str, resource: str) -> None:
        super().__init__(
            "The specified method is not allowed against this resource.",
            fields={"Method": method, "ResourceType": resource},
        )


class BadDigest(AwsError):
    code = "BadDigest"


class InvalidDigest(AwsError):
    code = "InvalidDigest"

    def __init__(self, given: str) -> None:
        super().__init__("The Content-MD5 you specified was invalid.", fields={"Content-MD5": given})


class IncompleteBody(AwsError):
    code = "IncompleteBody"

    def __init__(self) -> None:
        super().__init__(
            "You did not provide the number of bytes specified by the Content-Length HTTP header"
        )


class AccessControlListNotSupported(AwsError):
    code = "AccessControlListNotSupported"

    def __init__(self) -> None:
        super().__init__("The bucket does not allow ACLs")


class TooManyTags(AwsError):
    code = "BadRequest"
