"""What tests want people to read is shown behind all results, whichever process ran them."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the properties named `shown at the end` that tests recorded."""
    for reports in terminalreporter.stats.values():
        for report in (each for each in reports if getattr(each, "when", None) == "call"):
            for name, value in report.user_properties:
                if name == "shown at the end":
                    terminalreporter.section(report.nodeid)
                    terminalreporter.write_line(value)
