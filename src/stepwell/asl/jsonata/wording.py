"""The engine's messages in the reference implementation's words: users look them up, and AWS shows them.

Source: the error codes of JSONata 2.0.6's documentation. What is missing here is worded alike already.
"""

from __future__ import annotations

import re

#: what the engine puts in front of a function's own failure, and of a syntax error
_PREFIX = re.compile(r"^(?:host function raised [\w.]+: |Parse error: |Invalid (?:syntax|number): )+")
_CODE = re.compile(r"^([A-Z][0-9]{4}): (.*)$", re.DOTALL)

#: code → pattern of the engine's message, and the reference's
_FAILURES: dict[str, tuple[str, str]] = {
    "T1006": (r".*", "Attempted to invoke a non-function"),
    "T2001": (
        r"The left side of the (.+) operator .*",
        r'The left side of the "\1" operator must evaluate to a number',
    ),
    "T2002": (
        r"The right side of the (.+) operator .*",
        r'The right side of the "\1" operator must evaluate to a number',
    ),
    "T2003": (
        r".*",
        "The left side of the range operator (..) must evaluate to an integer",
    ),
    "T2004": (
        r".*",
        "The right side of the range operator (..) must evaluate to an integer",
    ),
    "D1002": (r".*", "Cannot negate a non-numeric value"),
    "D3030": (r"Cannot convert '(.*)' to number", r'Unable to cast value to a number: "\1"'),
    "D3100": (
        r".*got (.*)",
        r"The radix of the formatBase function must be between 2 and 36.  It was given \1",
    ),
    "D3138": (r"(The \$single\(\) function .*?)(?: \(.*\))?", r"\1"),
    "D3010": (r".*", "Second argument of replace function cannot be an empty string"),
    "D1012": (r".*", "Expression evaluation timeout: Check for infinite loop"),
    "D1011": (
        r".*",
        "Stack overflow error: Check for non-terminating recursive function.  "
        "Consider rewriting as tail-recursive.",
    ),
}
#: what the engine says of a text that only lacks its end
_UNFINISHED = ("S0203", "S0207", "S0101", "S0105", "S0106", "S0302", "Unclosed")


#: an argument of the wrong type, and the types that the reference names in the plural
_ARGUMENT = re.compile(r"Argument ([0-9]+) must be .*")
_ITEMS = {"Number": "numbers", "String": "strings", "Object": "objects", "Boolean": "booleans"}


def failure(message: str, function: str | None) -> str:
    """A message of a failed evaluation, with its code in front.

    `function`: the one that the expression calls, where it calls one only.
    """
    message = _PREFIX.sub("", message)
    match = _CODE.match(message)
    if match is None:
        return message
    code, text = match.groups()
    argument = _ARGUMENT.match(text)
    if argument is not None and code in ("T0410", "T0412"):
        text = _wrong_argument(code, text, argument[1], function)
    elif code in _FAILURES:
        pattern, template = _FAILURES[code]
        text = re.sub(f"^{pattern}$", template, text, count=1, flags=re.DOTALL)
    return f"{code}: {text}"


def _wrong_argument(code: str, text: str, index: str, function: str | None) -> str:
    subject = f"Argument {index}" if function is None else f'Argument {index} of function "{function}"'
    if code == "T0412":
        kind = text.rpartition(" ")[2]
        return f'{subject} must be an array of "{_ITEMS.get(kind, kind)}"'
    return f"{subject} does not match function signature"


def syntax(message: str) -> str:
    """A message of a text that is no expression: the engine's names of tokens left out."""
    message = _PREFIX.sub("", message)
    return re.sub(r'Identifier\("(.*)"\)', r"\1", message)


def unfinished(message: str) -> bool:
    """Whether something behind a text may still make it an expression."""
    return _PREFIX.sub("", message).startswith(_UNFINISHED)
