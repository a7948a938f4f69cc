"""What stops the monitor itself. Inputs that look wrong are no fault: they are what it is there for."""

from __future__ import annotations


class MonitorFault(Exception):
    """The monitor cannot measure; the message says what to mend."""
