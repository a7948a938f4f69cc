"""URNs, and the names that a resource gets when the program gives none.

A name must differ between stacks and servers, and be the same in a plan and in its apply: it is derived from
the stack's seed, the resource's URN and the count of its replacements, never drawn.
"""

from __future__ import annotations

import hashlib

STACK_TYPE = "pulumi:pulumi:Stack"
_SUFFIX = 7


def build(stack: str, project: str, parent: str, type_: str, name: str) -> str:
    """The URN of a resource under `parent` (a URN, or empty)."""
    chain = chain_of(parent) if parent else ""
    qualified = f"{chain}${type_}" if chain and chain != STACK_TYPE else type_
    return f"urn:pulumi:{stack}::{project}::{qualified}::{name}"


def chain_of(urn: str) -> str:
    """The types from the outermost parent to the resource, joined by `$`."""
    return urn.split("::", 3)[2]


def type_of(urn: str) -> str:
    """The resource's own type token."""
    return chain_of(urn).rsplit("$", 1)[-1]


def name_of(urn: str) -> str:
    """The resource's logical name."""
    return urn.split("::", 3)[3]


def suffix(seed: str, urn: str, generation: int) -> str:
    """Seven hexadecimal digits for the `generation`-th resource of that URN."""
    return hashlib.sha256(f"{seed}\n{urn}\n{generation}".encode()).hexdigest()[:_SUFFIX]
