"""Why the ledger refuses. A state machine sees these by their class's name, and people see the message."""

from __future__ import annotations


class LedgerFault(Exception):
    """The ledger cannot do what it was asked; the message says why."""


class Busy(LedgerFault):
    """Another run has its turn: ask again later."""


class Conflict(LedgerFault):
    """A document is not as it was read: read it again."""


class ClaimLost(LedgerFault):
    """It is no longer this run's turn, so it may write nothing more."""


class InputInvalid(LedgerFault):
    """What was asked makes no sense; the message says what is allowed."""


class ObjectAbsent(LedgerFault):
    """An object that a person named is not in the bucket."""


class BatchInvalid(LedgerFault):
    """The batch can't be used: its own content, or that it changed while it was read."""


class BatchUnknown(LedgerFault):
    """There is no batch of that name."""


class BatchTaken(LedgerFault):
    """The batch belongs to another run by now."""


class BatchWithdrawn(LedgerFault):
    """A person withdrew the batch, or one that the model was trained on."""


class MoveRefused(LedgerFault):
    """A batch's status can't become the one asked for."""


class TooManyAttempts(LedgerFault):
    """The champion changed under the run as often as it was judged."""
