"""Components: classes whose objects declare resources of their own, in code that the reader doesn't follow.

The classes of packages are found in the packages' files, which are searched and never imported.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

from stepwell.check.sources import Place

#: what components derive from
BASES = ("pulumi.ComponentResource", "pulumi.resource.ComponentResource")
#: components that are known without a search
KNOWN = ("stepwell.retrain.RetrainingWorkflow", "stepwell.retrain.workflow.RetrainingWorkflow")
#: packages that have none, or whose resources the reader sees
_OTHERS = frozenset(("pulumi", "pulumi_aws", "builtins", "stepwell", "boto3", "botocore"))
#: files of a package that are searched
_MOST = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A call of a component's class."""

    #: the class's full name
    name: str
    place: Place


def is_component(name: str, folder: Path) -> bool:
    """Whether `name` is a component: Pulumi's own class, or one that a package defines.

    `folder` is the program's, which may have a virtual environment.
    """
    if name in BASES or name in KNOWN:
        return True
    package, _, rest = name.partition(".")
    last = rest.rpartition(".")[2]
    if package in _OTHERS or package in sys.stdlib_module_names or not last[:1].isupper():
        return False
    return _defines(package, last, tuple(_places(folder)))


def _places(folder: Path) -> Iterator[str]:
    """Where packages lie: in the program's virtual environment, and in this one."""
    for environment in (".venv", "venv"):
        yield from sorted(map(str, folder.glob(f"{environment}/lib/python3*/site-packages")))
    yield from (each for each in sys.path if each)


@cache
def _defines(package: str, name: str, places: Sequence[str]) -> bool:
    """Whether a package has a class of that name and components."""
    found = PathFinder.find_spec(package, list(places))
    if found is None:
        return False
    files: Iterable[Path] = [Path(found.origin)] if found.origin else []
    for folder in found.submodule_search_locations or ():
        files = Path(folder).rglob("*.py")
    a_class = re.compile(rf"^class\s+{re.escape(name)}\s*\(", re.MULTILINE)
    defined = derives = False
    for _, file in zip(range(_MOST), files, strict=False):
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        defined = defined or a_class.search(text) is not None
        derives = derives or "ComponentResource" in text
    return defined and derives
