"""Executions of state machines: fold the journal, decide the next step.

From outside in: `engine` finds an execution's frames and takes a decision; `turn` is one execution's part
of it (events, failures, ends); `states` and `tasks` know what each type of state does; `performing` makes
a task's call; `integrations` and `shapes` say what may be called, and how it is spelled; `frames` and
`history` are the journal and where it leads; `activities` keeps the tasks that workers come to fetch, and
`redriving` lets an execution go on that had failed. Standard executions are all that run here: every
decision is in the journal.
"""

from stepwell.engine.engine import Engine
from stepwell.engine.executions import Execution

__all__ = ["Engine", "Execution"]
