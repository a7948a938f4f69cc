"""Finds values in lines by a user's regular expressions, in a process that may be stopped at any time.

An expression can take for ever on a line (`(a+)+$`), and holds its whole process while it does. Started with
`[[NAME, EXPRESSION], ...]` and the processor seconds that a batch may take. Batches come in and answers go
out, one a line: a JSON array of `[MOMENT, TEXT]`, and a JSON object with the last `[VALUE, MOMENT]` of each
name that was found. It ends with its input, and by itself when a batch takes more than its time.
"""

from __future__ import annotations

import json
import math
import re
import signal
import sys


def number(text: str | None) -> float | None:
    """A finite number; None for all other texts."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def main() -> int:
    limit = float(sys.argv[2])
    patterns = [(name, re.compile(expression)) for name, expression in json.loads(sys.argv[1])]
    for batch in sys.stdin:
        signal.setitimer(signal.ITIMER_PROF, limit)  # its signal ends the process, in mid-expression too
        found: dict[str, tuple[float, float]] = {}
        for moment, text in json.loads(batch):
            for name, pattern in patterns:
                for match in pattern.finditer(text):
                    value = number(match.group(1))
                    if value is not None:
                        found[name] = (value, moment)
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
