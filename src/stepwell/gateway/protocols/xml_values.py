"""XML elements by the model's shapes: readers for rest-xml's requests, writers for its and query's answers.

Both sides share the rules for list and map wrappers, which the model's traits (`flattened`,
`locationName`, `xmlAttribute`, `xmlNamespace`) switch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from botocore.model import ListShape, MapShape, Shape, StructureShape

from stepwell.gateway.protocols.scalars import Malformed, text_reader, text_writer
from stepwell.gateway.protocols.xml import escape, local_name

ReadElements = Callable[[list[Element], str], Any]
WriteElement = Callable[[Any, str], str]

_XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


def wire_name(shape: Shape, member: str) -> str:
    """The element's name for a member: a flattened list takes that of its items."""
    if shape.type_name == "list" and shape.serialization.get("flattened"):
        return str(shape.member.serialization.get("name") or shape.serialization.get("name", member))
    return str(shape.serialization.get("name", member))


def reader(shape: Shape) -> ReadElements:
    """Reads a member from all elements of its name: one, or several for flattened lists and maps."""
    return _READERS.get(shape.type_name, _read_scalar)(shape)


def writer(shape: Shape, timestamps: str) -> WriteElement:
    """Writes a member's elements: `writer(value, element_name)`."""
    if shape.type_name == "structure":
        return _write_structure(shape, timestamps)
    if shape.type_name == "list":
        return _write_list(shape, timestamps)
    if shape.type_name == "map":
        return _write_map(shape, timestamps)
    text = text_writer(shape, timestamps)
    return lambda value, name: f"<{name}>{escape(text(value))}</{name}>"


def _by_name(elements: Iterable[Element]) -> dict[str, list[Element]]:
    groups: dict[str, list[Element]] = {}
    for element in elements:
        groups.setdefault(local_name(element), []).append(element)
    return groups


def _read_scalar(shape: Shape) -> ReadElements:
    read_text = text_reader(shape)
    keeps_space = shape.type_name == "string"

    def read(elements: list[Element], where: str) -> Any:
        element = elements[-1]
        if len(element):
            raise Malformed(f"{where} must hold text, not elements")
        text = element.text or ""
        return read_text(text if keeps_space else text.strip(), where)

    return read


def _read_structure(shape: StructureShape) -> ReadElements:
    table: dict[str, tuple[str, ReadElements]] = {}
    attributes: dict[str, str] = {}

    def compile_members() -> None:
        for name, member in shape.members.items():
            if member.serialization.get("xmlAttribute"):
                attribute = member.serialization["name"]
                attributes[_XSI_TYPE if attribute == "xsi:type" else attribute] = name
            else:
                table[wire_name(member, name)] = (name, reader(member))

    def read(elements: list[Element], where: str) -> dict[str, Any]:
        if not table and not attributes:
            compile_members()
        element = elements[-1]
        if (element.text or "").strip():
            raise Malformed(f"{where} must hold elements, not text")
        result: dict[str, Any] = {
            member: element.attrib[name] for name, member in attributes.items() if name in element.attrib
        }
        for name, group in _by_name(element).items():
            if (known := table.get(name)) is None:
                result[name] = "".join(group[-1].itertext())
            else:
                member, read_member = known
                result[member] = read_member(group, f"{where}.{member}" if where else member)
        return result

    return read


def _read_list(shape: ListShape) -> ReadElements:
    flattened = bool(shape.serialization.get("flattened"))
    compiled: list[ReadElements] = []

    def read(elements: list[Element], where: str) -> list[Any]:
        if not compiled:
            compiled.append(reader(shape.member))
        items = elements if flattened else list(elements[-1])
        return [compiled[0]([item], f"{where}.{index}") for index, item in enumerate(items, 1)]

    return read


def _read_map(shape: MapShape) -> ReadElements:
    flattened = bool(shape.serialization.get("flattened"))
    key_name = shape.key.serialization.get("name", "key")
    value_name = shape.value.serialization.get("name", "value")
    compiled: list[ReadElements] = []

    def read(elements: list[Element], where: str) -> dict[str, Any]:
        if not compiled:
            compiled.extend((reader(shape.key), reader(shape.value)))
        result: dict[str, Any] = {}
        for entry in elements if flattened else list(elements[-1]):
            parts = _by_name(entry)
            if key_name not in parts or value_name not in parts:
                raise Malformed(f"An entry of {where} needs {key_name} and {value_name}")
            key = compiled[0](parts[key_name], where)
            result[key] = compiled[1](parts[value_name], f"{where}.{key}")
        return result

    return read


_READERS: Mapping[str, Callable[[Any], ReadElements]] = {
    "structure": _read_structure,
    "list": _read_list,
    "map": _read_map,
}


def _attribute(shape: Shape) -> str:
    namespace = shape.serialization.get("xmlNamespace")
    if not namespace:
        return ""
    if isinstance(namespace, str):
        return f' xmlns="{escape(namespace)}"'
    prefix = f":{namespace['prefix']}" if namespace.get("prefix") else ""
    return f' xmlns{prefix}="{escape(namespace["uri"])}"'


def members_writer(shape: StructureShape, timestamps: str) -> Callable[[Mapping[str, Any]], str]:
    """Writes a structure's members without an element around them, in the model's order."""
    table: dict[str, tuple[str, WriteElement]] = {}

    def write(value: Mapping[str, Any]) -> str:
        if not table:
            table.update(
                (name, (wire_name(member, name), writer(member, timestamps)))
                for name, member in shape.members.items()
                if not member.serialization.get("xmlAttribute")
                and member.serialization.get("location") is None
            )
        if unknown := value.keys() - shape.members.keys():
            raise ValueError(f"The model's {shape.name} has no member {sorted(unknown)}")
        return "".join(
            write_member(value[name], element)
            for name, (element, write_member) in table.items()
            if value.get(name) is not None
        )

    return write


def _write_structure(shape: StructureShape, timestamps: str) -> WriteElement:
    write_members = members_writer(shape, timestamps)
    attributes = {
        name: member.serialization["name"]
        for name, member in shape.members.items()
        if member.serialization.get("xmlAttribute")
    }
    namespace = _attribute(shape)

    def write(value: Mapping[str, Any], name: str) -> str:
        extra = "".join(
            f' {attribute}="{escape(str(value[member]))}"'
            for member, attribute in attributes.items()
            if value.get(member) is not None
        )
        return f"<{name}{namespace}{extra}>{write_members(value)}</{name}>"

    return write


def _write_list(shape: ListShape, timestamps: str) -> WriteElement:
    compiled: list[WriteElement] = []
    flattened = bool(shape.serialization.get("flattened"))
    item_name = shape.member.serialization.get("name", "member")

    def write(value: Iterable[Any], name: str) -> str:
        if not compiled:
            compiled.append(writer(shape.member, timestamps))
        if flattened:
            return "".join(compiled[0](item, name) for item in value)
        return f"<{name}>{''.join(compiled[0](item, item_name) for item in value)}</{name}>"

    return write


def _write_map(shape: MapShape, timestamps: str) -> WriteElement:
    compiled: list[WriteElement] = []
    flattened = bool(shape.serialization.get("flattened"))
    key_name = shape.key.serialization.get("name", "key")
    value_name = shape.value.serialization.get("name", "value")

    def write(value: Mapping[str, Any], name: str) -> str:
        if not compiled:
            compiled.extend((writer(shape.key, timestamps), writer(shape.value, timestamps)))
        entry = name if flattened else "entry"
        entries = "".join(
            f"<{entry}>{compiled[0](key, key_name)}{compiled[1](item, value_name)}</{entry}>"
            for key, item in value.items()
        )
        return entries if flattened else f"<{name}>{entries}</{name}>"

    return write
