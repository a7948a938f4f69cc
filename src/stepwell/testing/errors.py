"""What a test hears when a workflow does not do what the test waits for.

Those that say how a workflow went are AssertionErrors too: pytest counts them as failures of the test.
"""

from __future__ import annotations

from stepwell.errors import StepwellError


class TestingError(StepwellError):
    """Something was asked of `stepwell.testing` that cannot be done: the message says what can."""

    #: pytest collects classes by their names' beginning; this is none of its tests
    __test__ = False


class StillBusy(TestingError, AssertionError):
    """Real work (a function, a job, a model server's start) went on for longer than the patience."""


class StillRunning(TestingError, AssertionError):
    """An execution has not ended and nothing that is due would end it."""


class UpFailed(TestingError, AssertionError):
    """A program could not be brought up: its problems, one after the other."""
