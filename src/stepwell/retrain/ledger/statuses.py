"""What a batch can be, and what it can become: one table."""

from __future__ import annotations

PREPARING, INVALID, QUARANTINED, WAITING = "PREPARING", "INVALID", "QUARANTINED", "WAITING"
ACCEPTED, SET_ASIDE, REJECTED, EXPIRED = "ACCEPTED", "SET_ASIDE", "REJECTED", "EXPIRED"
WITHDRAWN, RETURNED, FAILED = "WITHDRAWN", "RETURNED", "FAILED"

#: status → (what it can become, what it means)
STATUSES: dict[str, tuple[tuple[str, ...], str]] = {
    PREPARING: (
        (INVALID, QUARANTINED, WAITING, ACCEPTED, SET_ASIDE, RETURNED, FAILED, WITHDRAWN),
        "a run reads it, trains on it, or judges it",
    ),
    QUARANTINED: (
        (ACCEPTED, SET_ASIDE, RETURNED, REJECTED, EXPIRED, FAILED, WITHDRAWN),
        "the gate doubts it, and a person is asked whether it is right",
    ),
    WAITING: (
        (ACCEPTED, SET_ASIDE, RETURNED, REJECTED, EXPIRED, FAILED, WITHDRAWN),
        "the gate let its model pass, and a person is asked to approve",
    ),
    ACCEPTED: ((WITHDRAWN,), "it is trained on from now on, and its held-out rows are trusted"),
    SET_ASIDE: ((ACCEPTED, WITHDRAWN), "the champion stayed, for a reason that speaks against the batch"),
    INVALID: ((PREPARING, WITHDRAWN), "it has other columns than declared, or values that cannot be"),
    REJECTED: ((WITHDRAWN,), "a person rejected it"),
    EXPIRED: ((PREPARING, WITHDRAWN), "nobody decided in time"),
    WITHDRAWN: ((ACCEPTED,), "a person took it out: no training reads it"),
    RETURNED: ((PREPARING, WITHDRAWN), "it had too few rows: its objects wait for more"),
    FAILED: ((PREPARING, WITHDRAWN), "its run failed: its objects wait for another"),
}

#: a run has it in hand
OPEN = (PREPARING, QUARANTINED, WAITING)
#: its objects are pending again
PENDING_AGAIN = (RETURNED, FAILED)
#: its objects can be begun again when a person names them
NAMED_AGAIN = (*PENDING_AGAIN, INVALID, EXPIRED)
