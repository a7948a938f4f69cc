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


class InvalidFilterOption(AwsError):
    """A filter compares in a way that its key does not take."""

    code = "InvalidFilterOption"


class InvalidKeyId(AwsError):
    """A secret's key is not there."""

    code = "InvalidKeyId"


class ParameterNotFound(AwsError):
    """There is no parameter of that name."""

    code = "ParameterNotFound"


class ParameterVersionNotFound(AwsError):
    """The parameter has no such version or label."""

    code = "ParameterVersionNotFound"


class ParameterAlreadyExists(AwsError):
    """A parameter is changed only by a request that says so."""

    code = "ParameterAlreadyExists"


class ParameterLimitExceeded(AwsError):
    """The account has all the parameters that it may have."""

    code = "ParameterLimitExceeded"


class ParameterMaxVersionLimitExceeded(AwsError):
    """The oldest version would have to go, and a label holds it."""

    code = "ParameterMaxVersionLimitExceeded"


class ParameterVersionLabelLimitExceeded(AwsError):
    """The version has all the labels that it may have."""

    code = "ParameterVersionLabelLimitExceeded"


class ParameterPatternMismatchException(AwsError):
    """The value does not match the parameter's own pattern."""

    code = "ParameterPatternMismatchException"


class InvalidAllowedPatternException(AwsError):
    """The parameter's pattern is no regular expression."""

    code = "InvalidAllowedPatternException"


class HierarchyLevelLimitExceededException(AwsError):
    """The name has too many levels."""

    code = "HierarchyLevelLimitExceededException"


class HierarchyTypeMismatchException(AwsError):
    """A parameter keeps its type."""

    code = "HierarchyTypeMismatchException"


class DoesNotExistException(AwsError):
    """There is no window, target, task or execution of that id."""

    code = "DoesNotExistException"


class IdempotentParameterMismatch(AwsError):
    """A client token was used before with other parameters."""

    code = "IdempotentParameterMismatch"


class ResourceLimitExceededException(AwsError):
    """The account has all of them that it may have."""

    code = "ResourceLimitExceededException"


class TargetInUseException(AwsError):
    """A task still refers to the target."""

    code = "TargetInUseException"


class InvalidDocument(AwsError):
    """The document does not exist, or is not the one that was meant."""

    code = "InvalidDocument"


class InvalidDocumentContent(AwsError):
    """The text is no document that can be run."""

    code = "InvalidDocumentContent"


class InvalidDocumentSchemaVersion(AwsError):
    """The document's schema version is not supported."""

    code = "InvalidDocumentSchemaVersion"


class InvalidDocumentVersion(AwsError):
    """The document has no such version."""

    code = "InvalidDocumentVersion"


class InvalidDocumentOperation(AwsError):
    """That cannot be done to this document."""

    code = "InvalidDocumentOperation"


class DocumentAlreadyExists(AwsError):
    """The name is taken."""

    code = "DocumentAlreadyExists"


class DocumentVersionLimitExceeded(AwsError):
    """More versions than a document may have."""

    code = "DocumentVersionLimitExceeded"


class DuplicateDocumentContent(AwsError):
    """The latest version has that content already."""

    code = "DuplicateDocumentContent"


class DuplicateDocumentVersionName(AwsError):
    """Another version has that name."""

    code = "DuplicateDocumentVersionName"


class MaxDocumentSizeExceeded(AwsError):
    """The text is longer than a document may be."""

    code = "MaxDocumentSizeExceeded"


class InvalidParameters(AwsError):
    """A document's parameters are missing, unknown or not of their kind."""

    code = "InvalidParameters"


class DuplicateInstanceId(AwsError):
    """An instance is named twice."""

    code = "DuplicateInstanceId"


class InvalidOutputFolder(AwsError):
    """The bucket for outputs does not exist."""

    code = "InvalidOutputFolder"


class InvalidCommandId(AwsError):
    """There is no such command."""

    code = "InvalidCommandId"


class InvocationDoesNotExist(AwsError):
    """The command does not run on that instance."""

    code = "InvocationDoesNotExist"


class InvalidPluginName(AwsError):
    """The command has no such step."""

    code = "InvalidPluginName"


class AssociationDoesNotExist(AwsError):
    """There is no association of that id, or of that document with that instance."""

    code = "AssociationDoesNotExist"


class AssociationAlreadyExists(AwsError):
    """The document is associated with the instance already."""

    code = "AssociationAlreadyExists"


class AssociationLimitExceeded(AwsError):
    """The account has all the associations that it may have."""

    code = "AssociationLimitExceeded"


class AssociationVersionLimitExceeded(AwsError):
    """The association has all the versions that it may have."""

    code = "AssociationVersionLimitExceeded"


class AssociationExecutionDoesNotExist(AwsError):
    """The association has no such execution."""

    code = "AssociationExecutionDoesNotExist"


class AssociatedInstances(AwsError):
    """The document is still associated."""

    code = "AssociatedInstances"


class InvalidAssociation(AwsError):
    """The association cannot be started."""

    code = "InvalidAssociation"


class InvalidAssociationVersion(AwsError):
    """The association has no such version."""

    code = "InvalidAssociationVersion"


class InvalidItemContentException(AwsError):
    """A compliance item cannot be kept so."""

    code = "InvalidItemContentException"


class InvalidOutputLocation(AwsError):
    """The bucket for an association's outputs does not exist."""

    code = "InvalidOutputLocation"


class InvalidSchedule(AwsError):
    """Associations do not run by that expression."""

    code = "InvalidSchedule"


class InvalidTarget(AwsError):
    """Targets cannot be named so."""

    code = "InvalidTarget"


class InvalidUpdate(AwsError):
    """The update is not of the latest version."""

    code = "InvalidUpdate"


class StatusUnchanged(AwsError):
    """The status is that already."""

    code = "StatusUnchanged"
