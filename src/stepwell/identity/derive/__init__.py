"""Which rights does it take? The least policies for what a definition, a window or a job does.

    derive(definition, account=, region=)   a state machine's role, from its definition
    compare(granted, needs)                 what policies lack, grant for nothing, or grant too widely
    job_role(...), window_role(...)         roles of SageMaker jobs and of maintenance windows
    target_role(...)                        the role of an EventBridge rule's targets
    notification(...)                       what lets S3 invoke a function

Resources are as narrow as the text allows: what is only known at run time becomes `*`, as little of a
name as possible. Everything is pure; nothing is asked of a server.
"""

from __future__ import annotations

from stepwell.identity.derive.compare import Comparison, Excess, compare
from stepwell.identity.derive.jobs import job_role
from stepwell.identity.derive.machines import Derived, derive
from stepwell.identity.derive.needs import Need, Place, document, statements
from stepwell.identity.derive.targets import notification, target_role
from stepwell.identity.derive.windows import window_role

__all__ = [
    "Comparison",
    "Derived",
    "Excess",
    "Need",
    "Place",
    "compare",
    "derive",
    "document",
    "job_role",
    "notification",
    "statements",
    "target_role",
    "window_role",
]
