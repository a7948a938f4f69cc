"""A process that evaluates one JSONata expression, under limits of the operating system.

Standard input has the question as JSON, standard output gets the answer; memory that is not to be had, or a
step that no time limit interrupts, ends the process and nothing else.
"""

from __future__ import annotations

import json
import random
import resource
import sys

from stepwell.asl.jsonata import ALONE, Question, answer
from stepwell.asl.program import Environment

#: bytes of memory, of which the engine's allocator takes half in advance; seconds of the processor
MEMORY = 1 << 31
PROCESSOR = 5
#: characters of a value: more than any field may have
LONGEST = 1 << 24


def main() -> None:
    """Answer the question."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR, PROCESSOR))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asked = json.loads(sys.stdin.buffer.read())
    env = Environment(context={}, random=random.Random(asked["seed"]), now=asked["now"], time_limit=ALONE)
    found = answer(Question(text=asked["text"], bindings=asked["bindings"]), env)
    if len(found.get("value") or "") > LONGEST:
        found = {"failed": "D1012: The value of the expression is too large"}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
