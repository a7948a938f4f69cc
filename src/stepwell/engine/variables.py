"""Variables: how much of them an execution may keep."""

from __future__ import annotations

from collections.abc import Mapping

from stepwell.asl.limits import MAX_VARIABLE_BYTES, MAX_VARIABLES_BYTES
from stepwell.engine.frames import Frame, Run


def too_large(run: Run, frame: Frame, texts: Mapping[str, str]) -> str | None:
    """Why the frame may not assign these variables, given as JSON texts; None where it may."""
    sizes = {name: len(text.encode()) for name, text in texts.items()}
    for name, size in sizes.items():
        if size > MAX_VARIABLE_BYTES:
            return f"The size of the variable '{name}' exceeds the maximum number of bytes service limit."
    if sum(sizes.values()) > MAX_VARIABLE_BYTES:
        return (
            f"The state/task '{frame.state}' assigned variables with a total size exceeding the maximum "
            "number of bytes service limit."
        )
    kept = sum(sum(each.sizes.values()) for each in run.root.walk())
    replaced = sum(frame.sizes.get(name, 0) for name in sizes)
    if kept - replaced + sum(sizes.values()) > MAX_VARIABLES_BYTES:
        return (
            "The total size of the execution's variables exceeds the maximum number of bytes service limit."
        )
    return None
