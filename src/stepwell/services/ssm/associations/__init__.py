"""State Manager: documents that are applied to instances when they change, and again by a schedule.

OPERATIONS             the rows
effects(context)       what sends commands and takes them back
timers()               scheduled starts, and ends
on_event               learns what becomes of commands
followed(operations)   rows of other nouns, with what they start here
targets_changed(draft) runs associations that are for an instance they were not for
associated(view, id)   what an instance shows of associations
exists(view, id)       whether there is such an association: it can have tags

Refused by name: change calendars, targets in other accounts and regions, target maps, runbooks.
"""

from stepwell.durable import View
from stepwell.services.ssm.associations import compliance, compliance_lists, histories, reading, writing
from stepwell.services.ssm.associations.following import followed
from stepwell.services.ssm.associations.histories import associated
from stepwell.services.ssm.associations.records import Association
from stepwell.services.ssm.associations.scheduling import targets_changed, timers
from stepwell.services.ssm.associations.sending import effects, on_event

__all__ = [
    "OPERATIONS",
    "associated",
    "effects",
    "exists",
    "followed",
    "on_event",
    "targets_changed",
    "timers",
]

OPERATIONS = (
    *writing.OPERATIONS,
    *reading.OPERATIONS,
    *histories.OPERATIONS,
    *compliance.OPERATIONS,
    *compliance_lists.OPERATIONS,
)


def exists(view: View, id: str) -> bool:
    """Whether there is such an association."""
    return view.get(Association, id) is not None
