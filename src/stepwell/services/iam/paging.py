"""IAM's lists: `Marker`, `MaxItems`, `IsTruncated`."""

from __future__ import annotations

from stepwell.api.pages import Pages
from stepwell.services.iam.errors import InvalidInput

PAGES = Pages(
    token="Marker",
    size="MaxItems",
    following="Marker",
    default=100,
    invalid=lambda: InvalidInput("The provided marker is not valid."),
    truncated="IsTruncated",
)

start, page = PAGES.start, PAGES.page
