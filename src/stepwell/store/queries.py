"""The SQL by name, read from `queries.sql`."""

from __future__ import annotations

from importlib import resources


def load() -> dict[str, str]:
    """Every query of the file, by the name in its `-- name:` line."""
    text = resources.files(__package__).joinpath("queries.sql").read_text()
    found: dict[str, str] = {}
    for part in text.split("-- name: ")[1:]:
        name, _, query = part.partition("\n")
        found[name.strip()] = query.strip()
    return found


SCHEMA = resources.files(__package__).joinpath("schema.sql").read_text()
QUERIES = load()
