"""YAML as documents use it: plain values, no anchors, every scalar that is no number or truth a string."""

from __future__ import annotations

from typing import Any

import yaml


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # the package has no types
    """Knows no dates, which documents mean as strings, and no aliases, by which few bytes stand for many."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise ValueError(f"aliases are not supported ({self.peek_event().start_mark})")
        return super().compose_node(parent, index)


def load(text: str) -> Any:
    """The text's value. Raises ValueError."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
