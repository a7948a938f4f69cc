"""AWS's quotas that the language itself needs to know. Source: Step Functions developer guide, quotas."""

from __future__ import annotations

#: bytes (UTF-8) of any input, output or result of a state, task or execution
MAX_DATA_BYTES = 262_144
#: bytes of a definition
MAX_DEFINITION_BYTES = 1_048_576
#: characters of a state's name
MAX_NAME = 80
#: characters of an error name, and of a cause, as the history keeps them
MAX_ERROR = 256
MAX_CAUSE = 32_768
#: characters of a variable's name; bytes of a variable and of all that one state assigns; bytes of all
#: variables of an execution
MAX_VARIABLE_NAME = 80
MAX_VARIABLE_BYTES = 262_144
MAX_VARIABLES_BYTES = 10 * 1_048_576
#: seconds: the longest TimeoutSeconds, HeartbeatSeconds, IntervalSeconds and Seconds
MAX_SECONDS = 99_999_999
#: iterations of an inline Map that run at once, whatever MaxConcurrency says
MAX_INLINE_CONCURRENCY = 40
#: events of one execution's history
MAX_EVENTS = 25_000
