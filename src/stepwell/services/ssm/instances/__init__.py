"""The managed instance: the machine that this server runs on, under its own id and its aliases."""

from stepwell.services.ssm.instances.aliases import Alias
from stepwell.services.ssm.instances.describing import operations
from stepwell.services.ssm.instances.machine import (
    Machine,
    ManagedInstance,
    exists,
    find,
    register,
    this_machine,
)
from stepwell.services.ssm.instances.targets import Target, resolve

__all__ = [
    "Alias",
    "Machine",
    "ManagedInstance",
    "Target",
    "exists",
    "find",
    "operations",
    "register",
    "resolve",
    "this_machine",
]
