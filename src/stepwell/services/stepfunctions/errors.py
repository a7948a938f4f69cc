"""Step Functions' errors, with AWS's codes and words (all are HTTP 400)."""

from __future__ import annotations

from stepwell.errors import AwsError


class InvalidArn(AwsError):
    """An ARN is no ARN, or of the wrong kind."""

    code = "InvalidArn"

    def __init__(self, why: str) -> None:
        super().__init__(f"Invalid Arn: '{why}'")


class InvalidName(AwsError):
    """A name has a character that AWS refuses."""

    code = "InvalidName"

    def __init__(self, name: str) -> None:
        super().__init__(f"Invalid Name: '{name}'")


class InvalidDefinition(AwsError):
    """A definition has faults; the message has all of them."""

    code = "InvalidDefinition"


class InvalidLoggingConfiguration(AwsError):
    """Logging needs exactly one destination."""

    code = "InvalidLoggingConfiguration"

    def __init__(self) -> None:
        super().__init__("Invalid Logging Configuration: Must specify exactly one Log Destination.")


class InvalidExecutionInput(AwsError):
    """An execution's input is not JSON, or too large."""

    code = "InvalidExecutionInput"

    def __init__(self, why: str) -> None:
        super().__init__(f"Invalid State Machine Execution Input: '{why}'")


class InvalidOutput(AwsError):
    """SendTaskSuccess brought what is not JSON, or too large."""

    code = "InvalidOutput"

    def __init__(self, why: str) -> None:
        super().__init__(f"Invalid Output: '{why}'")


class InvalidToken(AwsError):
    """A task token, or a page's token, is none of ours or belongs to another query."""

    code = "InvalidToken"

    def __init__(self) -> None:
        super().__init__("Invalid Token: 'Invalid token'")


class StateMachineDoesNotExist(AwsError):
    """There is no such state machine."""

    code = "StateMachineDoesNotExist"

    def __init__(self, arn: str) -> None:
        super().__init__(f"State Machine Does Not Exist: '{arn}'")


class StateMachineAlreadyExists(AwsError):
    """A state machine of this name exists and is different."""

    code = "StateMachineAlreadyExists"

    def __init__(self, arn: str) -> None:
        super().__init__(f"State Machine Already Exists: '{arn}'")


class StateMachineTypeNotSupported(AwsError):
    """The operation, or this server, has no such type of state machine."""

    code = "StateMachineTypeNotSupported"


class ExecutionDoesNotExist(AwsError):
    """There is no such execution."""

    code = "ExecutionDoesNotExist"

    def __init__(self, arn: str) -> None:
        super().__init__(f"Execution Does Not Exist: '{arn}'")


class ExecutionAlreadyExists(AwsError):
    """An execution of this name exists, and is not running with the same input."""

    code = "ExecutionAlreadyExists"

    def __init__(self, arn: str) -> None:
        super().__init__(f"Execution Already Exists: '{arn}'")


class ExecutionNotRedrivable(AwsError):
    """The execution runs, succeeded, or ended too long ago."""

    code = "ExecutionNotRedrivable"

    def __init__(self, why: str) -> None:
        super().__init__(f"Execution Not Redrivable: '{why}'")


class ActivityDoesNotExist(AwsError):
    """There is no such activity."""

    code = "ActivityDoesNotExist"

    def __init__(self, arn: str) -> None:
        super().__init__(f"Activity Does Not Exist: '{arn}'")


class ActivityAlreadyExists(AwsError):
    """An activity of this name exists, and is encrypted otherwise."""

    code = "ActivityAlreadyExists"

    def __init__(self, arn: str) -> None:
        super().__init__(f"Activity Already Exists: '{arn}'")


class ActivityWorkerLimitExceeded(AwsError):
    """As many workers as may wait at an activity do."""

    code = "ActivityWorkerLimitExceeded"

    def __init__(self, arn: str) -> None:
        super().__init__(f"Activity Worker Limit Exceeded: '{arn}'")


class TaskDoesNotExist(AwsError):
    """The execution that a task token belongs to does not exist."""

    code = "TaskDoesNotExist"

    def __init__(self) -> None:
        super().__init__("Task does not exist: 'Provided task does not exist'")


class TaskTimedOut(AwsError):
    """The task that a token belongs to no longer waits."""

    code = "TaskTimedOut"

    def __init__(self) -> None:
        super().__init__("Task Timed Out: 'Provided task does not exist anymore'")


class MissingRequiredParameter(AwsError):
    """UpdateStateMachine was given nothing to update."""

    code = "MissingRequiredParameter"


class ResourceNotFound(AwsError):
    """There is nothing with this ARN."""

    code = "ResourceNotFound"

    def __init__(self, arn: str) -> None:
        super().__init__(f"Resource not found: '{arn}'", fields={"resourceName": arn})


class Conflict(AwsError):
    """What was asked for does not fit what is there now."""

    code = "ConflictException"
    status = 409


class QuotaExceeded(AwsError):
    """A machine has as many versions or aliases as it may have."""

    code = "ServiceQuotaExceededException"
    status = 402


class TooManyTags(AwsError):
    """A resource may have 50 tags."""

    code = "TooManyTags"

    def __init__(self, arn: str) -> None:
        super().__init__(f"Too many tags for the resource: '{arn}'")


class ManagedRuleDenied(AwsError):
    """The execution role may not make the rule that tells of a `.sync` job's end."""

    code = "AccessDeniedException"

    def __init__(self, role: str) -> None:
        super().__init__(f"'{role}' is not authorized to create managed-rule.")


class RoleNotTrusted(AwsError):
    """The execution role does not exist, or Step Functions may not assume it."""

    code = "AccessDeniedException"

    def __init__(self) -> None:
        super().__init__(
            "Neither the global service principal states.amazonaws.com, nor the regional one is authorized "
            "to assume the provided role."
        )
