"""What stops the gate itself. A model or a batch that is bad is no fault: it has a decision."""

from __future__ import annotations


class GateFault(Exception):
    """The gate cannot judge, and it is not the models' doing: the message says what to mend."""


class SettingsInvalid(GateFault):
    """A setting is unknown or has a value that it cannot have; the message names it."""


class EvidenceInvalid(GateFault):
    """A document is no evidence, is of another version, or contradicts itself."""


class MetricUndefined(Exception):
    """A score does not exist for these rows: one class only, a label of 0 for a percentage.

    `code` is the reason of the decision that follows.
    """

    def __init__(self, message: str, code: str = "METRIC_UNDEFINED") -> None:
        super().__init__(message)
        self.code = code
