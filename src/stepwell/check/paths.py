"""Paths to the program's own files, and what is in them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from stepwell.check.machine import Call, Machine
from stepwell.check.sources import Place
from stepwell.check.values import Literal, Made, Native, Unknown, Value, known

KIND = "pathlib.Path"
#: larger files are not read
LARGEST = 2_000_000


def path(text: str, place: Place) -> Value:
    """A `pathlib.Path`."""
    return Made(place=place, kind=KIND, arguments=[Literal(place=place, value=text)])


def spelled(value: Value | None) -> str | None:
    """The path that a string or a `Path` is, where it is known."""
    value = known(value)
    if isinstance(value, Made) and value.kind == KIND:
        value = value.arguments[0]
    return value.value if isinstance(value, Literal) and isinstance(value.value, str) else None


def below(left: Value, right: Value, place: Place) -> Value:
    """`left / right`."""
    first, second = spelled(left), spelled(right)
    is_path = any(isinstance(each, Made) and each.kind == KIND for each in (left, right))
    if not is_path or first is None or second is None:
        return Unknown(place=place)
    return path(str(PurePosixPath(first) / second), place)


def attribute(machine: Machine, holder: Made, name: str, place: Place) -> Value:
    """An attribute or a method of a path."""
    text = spelled(holder)
    if text is None:
        return Unknown(place=place)
    pure = PurePosixPath(text)
    if name == "parent":
        return path(str(pure.parent), place)
    if name in ("name", "stem", "suffix"):
        return Literal(place=place, value=str(getattr(pure, name)))
    if name in ("resolve", "absolute", "expanduser"):
        return Native(place=place, name=name, call=lambda call: path(_absolute(machine, text), call.place))
    if name in ("as_posix", "__str__"):
        return Native(place=place, name=name, call=lambda call: Literal(place=call.place, value=text))
    if name in ("joinpath", "with_name", "with_suffix"):
        return Native(place=place, name=name, call=lambda call: _changed(pure, name, call))
    if name == "read_text":
        return Native(place=place, name=name, call=lambda call: content(machine, text, call.place))
    if name == "open":
        return Native(place=place, name=name, call=lambda call: opened(text, call.place))
    return Unknown(place=place)


def _changed(pure: PurePosixPath, name: str, call: Call) -> Value:
    texts = [spelled(each) for each in call.positional]
    if any(each is None for each in texts) or (name != "joinpath" and len(texts) != 1):
        return call.unknown()
    try:
        return path(str(getattr(pure, name)(*texts)), call.place)
    except ValueError:
        return call.unknown()


def _absolute(machine: Machine, text: str) -> str:
    return str(located(machine.folder, text))


def located(folder: Path, text: str) -> Path:
    """The file or folder that a path means, seen from the program's folder."""
    return Path(folder, text.replace("\0", ""))


def opened(text: str, place: Place) -> Value:
    """What `open(text)` gives."""
    return Made(place=place, kind="file", arguments=[Literal(place=place, value=text)])


def content(machine: Machine, text: str, place: Place) -> Value:
    """The text of a file below the program's folder."""
    try:
        file = located(machine.folder, text).resolve()
        if not file.is_relative_to(machine.folder.resolve()) or not file.is_file():
            return Unknown(place=place)
        if file.stat().st_size > LARGEST:
            return Unknown(place=place, why=f"{text} is large")
        found = file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        return Unknown(place=place)
    name = file.relative_to(machine.folder.resolve()).as_posix()
    return Literal(place=Place(file=name, line=1, column=1), value=found, verbatim=0)
