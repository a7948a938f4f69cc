"""What goes wrong while a state runs: errors as AWS names them, and which handler may see which.

One function, `catches`, holds the whole rule of who catches what; retriers and catchers use it.
"""

from __future__ import annotations

from collections.abc import Sequence

from stepwell.errors import StepwellError

ALL = "States.ALL"
DATA_LIMIT_EXCEEDED = "States.DataLimitExceeded"
HEARTBEAT_TIMEOUT = "States.HeartbeatTimeout"
INTRINSIC_FAILURE = "States.IntrinsicFailure"
NO_CHOICE_MATCHED = "States.NoChoiceMatched"
QUERY_EVALUATION_ERROR = "States.QueryEvaluationError"
RESULT_PATH_MATCH_FAILURE = "States.ResultPathMatchFailure"
RUNTIME = "States.Runtime"
TASK_FAILED = "States.TaskFailed"
TIMEOUT = "States.Timeout"

#: errors that no retrier and no catcher sees, not even one that names them
UNCATCHABLE = frozenset({RUNTIME})


class StateError(StepwellError):
    """A state failed while its own text was evaluated.

    `error` is AWS's error name; `detail` the part of the cause that tells what happened.
    """

    def __init__(self, error: str, detail: str, *, wrapped: bool = True) -> None:
        super().__init__(f"{error}: {detail}")
        self.error = error
        self.detail = detail
        #: whether AWS names the state in front of the detail
        self.wrapped = wrapped

    def cause(self, state_name: str, entered_event_id: int) -> str:
        """The cause as the execution history shows it."""
        if not self.wrapped:
            return self.detail
        return (
            f"An error occurred while executing the state '{state_name}' "
            f"(entered at the event id #{entered_event_id}). {self.detail}"
        )


def catches(error_equals: Sequence[str], error: str) -> bool:
    """Whether a retrier or catcher with these `ErrorEquals` sees `error`.

    `States.ALL` stands for every error but the uncatchable ones, `States.TaskFailed` for every one
    but `States.Timeout` (Amazon States Language, "Errors"); a missed heartbeat is a timeout too.
    """
    if error in UNCATCHABLE:
        return False
    for name in error_equals:
        if name in (error, ALL):
            return True
        if name == TASK_FAILED and error not in (TIMEOUT, HEARTBEAT_TIMEOUT):
            return True
        if name == TIMEOUT and error == HEARTBEAT_TIMEOUT:
            return True
    return False
