"""Parameter Store: settings and secrets by name, in hierarchies, with versions and labels.

Refused by name: parameter policies, sharing with other accounts, AWS's public parameters.
"""

from __future__ import annotations

from stepwell.api.operations import Operation
from stepwell.durable import View
from stepwell.services.ssm.parameters import labels
from stepwell.services.ssm.parameters.reading import Reading
from stepwell.services.ssm.parameters.records import Parameter
from stepwell.services.ssm.parameters.sealing import Sealer
from stepwell.services.ssm.parameters.writing import Writing

__all__ = ["Sealer", "exists", "operations"]


def operations(sealer: Sealer) -> tuple[Operation, ...]:
    """The rows of Parameter Store."""
    return (*Writing(sealer=sealer).operations(), *Reading(sealer=sealer).operations(), *labels.OPERATIONS)


def exists(view: View, name: str) -> bool:
    """Whether there is a parameter of that name."""
    return view.get(Parameter, name) is not None
