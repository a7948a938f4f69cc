"""What a lineage is read from, as seen by those who build it: documents by reference, and lists of names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from stepwell.errors import StepwellError
from stepwell.retrain.lineage.graph import Reference


class Unreadable(StepwellError):
    """A thing may be there, and whoever asks may not read it; the message is AWS's."""


class Source(Protocol):
    """Where documents come from: AWS's APIs, or a test's table."""

    def read(self, reference: Reference) -> Mapping[str, Any] | None:
        """A thing's document in JSON values; None where it isn't there (any more). Raises Unreadable.

        What SageMaker describes has its answer's members, and `Tags` as an object. An execution has
        DescribeExecution's, and `Events`, the newest first. The others are the bucket's JSON documents.
        """
        ...

    def names(self, kind: str, within: str = "") -> Sequence[str]:
        """The names of a kind, as references have them: endpoints, packages, plans of a bucket (`within`)."""
        ...
