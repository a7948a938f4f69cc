"""EventBridge's lists: `NextToken`, `Limit`."""

from __future__ import annotations

from stepwell.api.pages import Pages
from stepwell.errors import ValidationException

PAGES = Pages(
    token="NextToken",
    size="Limit",
    following="NextToken",
    default=100,
    invalid=lambda: ValidationException("Invalid token."),
)

start, page = PAGES.start, PAGES.page
