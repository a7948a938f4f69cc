"""CloudWatch Logs' lists: `nextToken`, `limit`."""

from __future__ import annotations

from stepwell.api.pages import Pages
from stepwell.services.logs.errors import InvalidParameterException

PAGES = Pages(
    token="nextToken",
    size="limit",
    following="nextToken",
    default=50,
    invalid=lambda: InvalidParameterException("The specified nextToken is invalid."),
)

decode, start, page = PAGES.decode, PAGES.start, PAGES.page
