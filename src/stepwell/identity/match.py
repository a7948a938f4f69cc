"""Does a name match a pattern? Actions, ARNs and values with `*`, `?` and `${variables}`.

Decisions are made on every call, patterns are read once: so patterns are sorted beforehand into exact
names, prefixes (`s3:*`, `arn:aws:s3:::bucket/*`, which most patterns are) and one regular expression.
Rules: IAM User Guide, "IAM JSON policy elements: Resource" and "... Variables and tags".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

#: the condition keys of a request, in lower case, each with its values
Context = Mapping[str, tuple[str, ...]]

# `*` and `?` that mean themselves travel through patterns as two code points that are no characters.
_LITERALS = {"*": "\ufdd0", "?": "\ufdd1"}
_PROTECT = str.maketrans(_LITERALS)
_UNPROTECT = str.maketrans({mark: char for char, mark in _LITERALS.items()})

# Possessive (`*+`): a text of spaces or of `${` cannot make the search try each way to divide it.
VARIABLE = re.compile(r"\$\{([^{},]*+)(?:,\s*+'([^']*+)'\s*+)?\}")
_ESCAPES = {"*": _LITERALS["*"], "?": _LITERALS["?"], "$": "$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """`${key}` or `${key, 'default'}` in a pattern."""

    #: the condition key in lower case
    key: str
    #: what stands for the key where the request has none; None: then nothing matches
    default: str | None


@dataclass(frozen=True, slots=True)
class Template:
    """A pattern with variables, filled in for each request."""

    pieces: tuple[str | Variable, ...]

    def fill(self, context: Context) -> str | None:
        """The pattern for this request, or None when a variable has no value and no default.

        A key with several values cannot be a variable. Wildcards within values are plain characters.
        """
        filled: list[str] = []
        for piece in self.pieces:
            if isinstance(piece, str):
                filled.append(piece)
                continue
            values = context.get(piece.key, ())
            value = values[0] if len(values) == 1 else piece.default
            if value is None:
                return None
            filled.append(value.translate(_PROTECT))
        return "".join(filled)


def template(text: str) -> str | Template:
    """`text` with its variables found: a `Template`, or a plain pattern when it has none.

    `${*}`, `${?}` and `${$}` stand for the characters themselves.
    """
    pieces: list[str | Variable] = []
    literal = ""
    at = 0
    for found in VARIABLE.finditer(text):
        literal += text[at : found.start()]
        at = found.end()
        name, default = found.group(1).strip(), found.group(2)
        if name in _ESCAPES and default is None:
            literal += _ESCAPES[name]
            continue
        pieces += [literal, Variable(key=name.lower(), default=default)]
        literal = ""
    literal += text[at:]
    return Template((*pieces, literal)) if pieces else literal


def _in_resource_part(pattern: str) -> str | Template:
    parts = pattern.split(":", 5)
    if len(parts) < 6:
        return pattern
    before, found = ":".join(parts[:5]) + ":", template(parts[5])
    return before + found if isinstance(found, str) else Template((before, *found.pieces))


def plain(pattern: str) -> str:
    """A filled pattern as the text that it stands for, where wildcards have no meaning."""
    return pattern.translate(_UNPROTECT)


def glob(pattern: str, *, arn: bool = False) -> str:
    """The regular expression of `pattern`.

    With `arn`, the pattern of a Resource element: within the first five segments a wildcard stays within
    its segment, but a `*` at a segment's end reaches beyond the colon (IAM User Guide, "Using wildcards
    in resource ARNs").
    """
    pieces, runs, confined = [""], [], [False]
    colons = 0
    for index, char in enumerate(pattern):
        narrow = arn and colons < 5
        if char == "*":
            at_end = pattern[index + 1 : index + 2] in ("", ":")
            runs.append("[^:]*" if narrow and not at_end else ".*")
            pieces.append("")
            confined.append(True)
        elif char == "?":
            pieces[-1] += "[^:]" if narrow else "."
        else:
            if char == ":":
                colons += 1
                confined[-1] = False
            pieces[-1] += re.escape(plain(char))
    # Where the next `*` may take whatever is left, the first fit of all before it is as good as any: `(?>`
    # never comes back to try another, so many `*` don't multiply the work.
    done, group = "", pieces[0]
    for index, run in enumerate(runs):
        if run == ".*":
            done, group = f"{done}(?>{group})", ""
        following = runs[index + 1] if index + 1 < len(runs) else None
        first_fit = run == following == "[^:]*" and confined[index + 1]
        piece = f"{run}?{pieces[index + 1]}"
        group += f"(?>{piece})" if first_fit else piece
    return done + group


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Patterns without variables, sorted by how they are answered fastest."""

    #: one of the patterns is `*`
    everything: bool
    exact: frozenset[str]
    #: patterns whose only wildcard is a `*` at the end, without it
    prefixes: tuple[str, ...]
    #: all other patterns
    regex: re.Pattern[str] | None

    @classmethod
    def of(cls, patterns: Iterable[str], *, arn: bool = False) -> Names:
        """The patterns; `arn` as in `glob`."""
        exact, prefixes, others = set(), [], []
        everything = False
        for pattern in patterns:
            stem = pattern[:-1]
            if pattern == "*":
                everything = True
            elif "*" not in pattern and "?" not in pattern:
                exact.add(plain(pattern))
            elif pattern.endswith("*") and "*" not in stem and "?" not in stem:
                prefixes.append(plain(stem))
            else:
                others.append(glob(pattern, arn=arn))
        return cls(
            everything=everything,
            exact=frozenset(exact),
            prefixes=tuple(prefixes),
            regex=re.compile("|".join(others), re.DOTALL) if others else None,
        )

    def match(self, name: str) -> bool:
        return (
            self.everything
            or name in self.exact
            or name.startswith(self.prefixes)
            or (self.regex is not None and self.regex.fullmatch(name) is not None)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """A statement's Resource or NotResource."""

    names: Names
    #: patterns that a request's variables complete
    templates: tuple[Template, ...]
    #: NotResource: everything but these
    inverted: bool

    @classmethod
    def of(cls, patterns: Iterable[str], *, inverted: bool, variables: bool) -> Resources:
        """The patterns; without `variables` (policies before 2012-10-17) `${` is text like any other.

        So it is before an ARN's fifth colon, where AWS allows no variables.
        """
        read = [_in_resource_part(pattern) if variables else pattern for pattern in patterns]
        return cls(
            names=Names.of((pattern for pattern in read if isinstance(pattern, str)), arn=True),
            templates=tuple(pattern for pattern in read if isinstance(pattern, Template)),
            inverted=inverted,
        )

    def match(self, resource: str, context: Context) -> bool:
        """A pattern whose variable has no value matches nothing; within NotResource nothing matches then."""
        if self.names.match(resource):
            return not self.inverted
        for pattern in self.templates:
            filled = pattern.fill(context)
            if filled is None:
                if self.inverted:
                    return False
            elif re.fullmatch(glob(filled, arn=True), resource, re.DOTALL):
                return not self.inverted
        return self.inverted
