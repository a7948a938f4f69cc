"""From a definition's value to its model, reporting every fault of shape on the way.

Shape is what the field tables say: which fields, of which types, in which combination. What spans
several states is checked afterwards, on the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stepwell.asl import choice, fields
from stepwell.asl.diagnostics import NO_DOLLAR, PASS_RESULT_IS_STATIC, UNSUPPORTED, Report
from stepwell.asl.faults import ALL
from stepwell.asl.fields import JSONATA, JSONPATH, Field
from stepwell.asl.model import BlockModel, MachineModel, StateModel
from stepwell.asl.source import Path


def parse_machine(value: Mapping[str, Any], report: Report) -> MachineModel:
    """The model of a whole definition; what is faulty is reported and, where it must be, left out."""
    language = value.get("QueryLanguage", JSONPATH)
    if language not in fields.LANGUAGES:
        language = JSONPATH
    reader = _Reader(report, language)
    reader.required(value, (), ("StartAt", "States"))
    reader.fields(value, (), fields.MACHINE, JSONPATH)
    timeout = value.get("TimeoutSeconds")
    return MachineModel(
        block=reader.block(value, ()),
        query_language=language,
        comment=value.get("Comment"),
        version=value.get("Version"),
        timeout_seconds=int(timeout) if fields.is_integer(timeout) else None,
    )


class _Reader:
    """Reads one definition; holds what the parts of it share."""

    def __init__(self, report: Report, language: str) -> None:
        self._report = report
        #: states inside Parallel and Map take the machine's language, not their parent's
        self._language = language

    # --- the general part: tables ------------------------------------------------------------------------

    def required(self, value: Mapping[str, Any], path: Path, names: Iterable[str]) -> None:
        missing = [name for name in names if name not in value]
        if missing:
            self._report.error(path, f"These fields are required: [{', '.join(missing)}]")

    def fields(self, value: Mapping[str, Any], path: Path, table: Mapping[str, Field], language: str) -> None:
        """Every field is in the table, belongs to the language, is supported, and holds what it must."""
        for name, content in value.items():
            field = table.get(name)
            if field is None:
                self._report.error(path, f"Field '{name}' is not supported")
            elif field.language not in (None, language):
                self._report.error(
                    path,
                    f"The QueryLanguage is set to '{language}', but field '{name}' is only supported "
                    f"for the '{field.language}' QueryLanguage",
                )
            elif field.refused is not None:
                self._report.error((*path, name), f"Field '{name}': {field.refused}", UNSUPPORTED)
            else:
                kind = field.query if language == JSONATA and field.query is not None else field.kind
                for inner, message, *at in kind(content):
                    self._report.error((*path, name, *inner), message, inside=at[0] if at else None)

    def _exclusive(self, value: Mapping[str, Any], path: Path, names: tuple[str, ...], needed: bool) -> None:
        given = [name for name in names if name in value]
        if len(given) > 1:
            self._report.error(path, f"Only one of these fields is allowed: [{', '.join(given)}]")
        elif needed and not given:
            self._report.error(path, f"One of these fields is required: [{', '.join(names)}]")

    # --- blocks and states -------------------------------------------------------------------------------

    def block(self, value: Mapping[str, Any], path: Path) -> BlockModel:
        """The states of a machine, a branch or a processor."""
        states: dict[str, StateModel] = {}
        written = value.get("States")
        if isinstance(written, dict):
            if not written:
                self._report.error((*path, "States"), "Value cannot be empty")
            for name, state in written.items():
                states[name] = self._state(name, state, (*path, "States", name))
        start_at = value.get("StartAt")
        return BlockModel(path=path, start_at=start_at if isinstance(start_at, str) else None, states=states)

    def _state(self, name: str, value: Any, path: Path) -> StateModel:
        """One state. A faulty one stays in the model: others lead to it."""
        report = self._report
        if not isinstance(value, dict):
            report.error(path, "Expected value of type Object")
            value = {}
        elif "Type" not in value:
            report.error(path, "These fields are required: [Type]")
        elif value["Type"] not in fields.TYPES:
            report.error((*path, "Type"), f"Value must be one of [{', '.join(fields.TYPES)}]")
        type_ = value.get("Type")
        language = self._state_language(value, path)
        blocks: tuple[BlockModel, ...] = ()
        if type_ in fields.TYPES:
            blocks = self._content(type_, value, path, language)
        return StateModel(
            name=name, type=str(type_), path=path, query_language=language, fields=value, blocks=blocks
        )

    def _content(
        self, type_: str, value: Mapping[str, Any], path: Path, language: str
    ) -> tuple[BlockModel, ...]:
        """Check the fields of a state and read what is inside it."""
        self.required(value, path, fields.REQUIRED.get(type_, ()))
        self.fields(value, path, fields.STATE[type_], language)
        for names, needed in fields.EXCLUSIVE.get(type_, ()):
            self._exclusive(value, path, names, needed)
        if "Next" in fields.STATE[type_]:
            self._leaves(value, path)
        if "Retry" in fields.STATE[type_]:
            self._handlers(value, path, "Retry", fields.RETRIER, ("ErrorEquals",), language)
            self._handlers(value, path, "Catch", fields.CATCHER, ("ErrorEquals", "Next"), language)
        if language == JSONPATH:
            self._suspicious(value, path)
        if type_ == "Choice":
            self._choices(value, path, language)
        return _BLOCKS[type_](self, value, path) if type_ in _BLOCKS else ()

    def _state_language(self, value: Mapping[str, Any], path: Path) -> str:
        language = value.get("QueryLanguage", self._language)
        if language not in fields.LANGUAGES:
            return self._language
        if language == JSONPATH and self._language == JSONATA:
            self._report.error(
                path, "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"
            )
        return str(language)

    def _leaves(self, value: Mapping[str, Any], path: Path) -> None:
        """A state goes on or ends."""
        if "Next" in value and value.get("End") is True:
            self._report.error(path, "Only one of these fields is allowed: [Next, End]")
        elif "Next" not in value and value.get("End") is not True:
            self._report.error(path, "One of these fields is required: [Next, End]")

    def _suspicious(self, value: Mapping[str, Any], path: Path) -> None:
        """AWS's warnings: what looks like an expression and is none."""
        for name in ("Parameters", "ResultSelector", "ItemSelector"):
            for inner in _look_like_paths(value.get(name)):
                self._report.warning(
                    (*path, name, *inner),
                    "The value looks like a JSONPath or an intrinsic function, "
                    "but the name of its field does not end with '.$'",
                    NO_DOLLAR,
                )
        if value.get("Type") == "Pass" and _has_dollar(value.get("Result")):
            self._report.warning(
                (*path, "Result"), "The Result of a Pass state is static", PASS_RESULT_IS_STATIC
            )

    # --- Retry and Catch ---------------------------------------------------------------------------------

    def _handlers(
        self,
        value: Mapping[str, Any],
        path: Path,
        name: str,
        table: Mapping[str, Field],
        required: tuple[str, ...],
        language: str,
    ) -> None:
        handlers = value.get(name)
        if not isinstance(handlers, list):
            return
        for index, handler in enumerate(handlers):
            here = (*path, name, index)
            if not isinstance(handler, dict):
                self._report.error(here, "Expected value of type Object")
                continue
            self.required(handler, here, required)
            self.fields(handler, here, table, language)
            names = handler.get("ErrorEquals")
            if isinstance(names, list) and ALL in names:
                if len(names) > 1:
                    self._report.error((*here, "ErrorEquals"), f"'{ALL}' must appear alone")
                if index + 1 < len(handlers):
                    self._report.error((*here, "ErrorEquals"), f"'{ALL}' must be in the last of {name}")

    # --- Parallel and Map --------------------------------------------------------------------------------

    def _branches(self, value: Mapping[str, Any], path: Path) -> tuple[BlockModel, ...]:
        branches = value.get("Branches")
        if not isinstance(branches, list):
            return ()
        if not branches:
            self._report.error((*path, "Branches"), "Value cannot be empty")
        found: list[BlockModel] = []
        for index, branch in enumerate(branches):
            here = (*path, "Branches", index)
            if isinstance(branch, dict):
                self.required(branch, here, ("StartAt", "States"))
                self.fields(branch, here, fields.BRANCH, JSONPATH)
                found.append(self.block(branch, here))
            else:
                self._report.error(here, "Expected value of type Object")
        return tuple(found)

    def _processor(self, value: Mapping[str, Any], path: Path) -> tuple[BlockModel, ...]:
        name = "ItemProcessor" if "ItemProcessor" in value else "Iterator"
        processor = value.get(name)
        if not isinstance(processor, dict):
            return ()
        here = (*path, name)
        self.required(processor, here, ("StartAt", "States"))
        self.fields(processor, here, fields.PROCESSOR, JSONPATH)
        config = processor.get("ProcessorConfig")
        mode = config.get("Mode", "INLINE") if isinstance(config, dict) else "INLINE"
        if mode == "DISTRIBUTED":
            self._report.error(
                (*here, "ProcessorConfig", "Mode"), "Mode 'DISTRIBUTED' is not supported", UNSUPPORTED
            )
        elif mode != "INLINE":
            self._report.error(
                (*here, "ProcessorConfig", "Mode"), "Value must be one of [INLINE, DISTRIBUTED]"
            )
        return (self.block(processor, here),)

    # --- Choice ------------------------------------------------------------------------------------------

    def _choices(self, value: Mapping[str, Any], path: Path, language: str) -> None:
        rules = value.get("Choices")
        if isinstance(rules, list):
            if not rules:
                self._report.error((*path, "Choices"), "Value cannot be empty")
            for index, rule in enumerate(rules):
                here = (*path, "Choices", index)
                if language == JSONATA:
                    self._condition(rule, here)
                else:
                    self._rule(rule, here, top=True)

    def _condition(self, rule: Any, path: Path) -> None:
        if not isinstance(rule, dict):
            self._report.error(path, "Expected value of type Object")
            return
        self.required(rule, path, ("Condition", "Next"))
        self.fields(rule, path, fields.CONDITION, JSONATA)

    def _rule(self, rule: Any, path: Path, *, top: bool) -> None:
        if not isinstance(rule, dict):
            self._report.error(path, "Expected value of type Object")
            return
        names = [name for name in rule if name not in ("Comment", "Next", "Assign")]
        for name, field in _RULE_FIELDS.items():
            if name in rule:
                self.fields({name: rule[name]}, path, {name: field}, JSONPATH)
        if top:
            self.required(rule, path, ("Next",))
        elif "Next" in rule:
            self._report.error(path, "Field 'Next' is not supported")
        if combiners := [name for name in names if name in choice.COMBINERS]:
            for name in names:
                if name != combiners[0]:
                    self._report.error(path, f"Field '{name}' is not supported")
            self._combined(rule[combiners[0]], (*path, combiners[0]))
        else:
            self._comparison(rule, path, names)

    def _combined(self, inner: Any, path: Path) -> None:
        if path[-1] == "Not":
            self._rule(inner, path, top=False)
        elif not isinstance(inner, list):
            self._report.error(path, "Expected value of type Array")
        elif not inner:
            self._report.error(path, "Value cannot be empty")
        else:
            for index, part in enumerate(inner):
                self._rule(part, (*path, index), top=False)

    def _comparison(self, rule: Mapping[str, Any], path: Path, names: list[str]) -> None:
        self.required(rule, path, ("Variable",))
        operators = [name for name in names if name != "Variable"]
        known = [name for name in operators if name in _RULE_OPERATORS]
        for name in operators:
            if name not in _RULE_OPERATORS:
                self._report.error(path, f"Field '{name}' is not supported")
        if not known:
            self._report.error(path, "A comparison operator is required")
        elif len(known) > 1:
            self._report.error(path, f"Only one of these fields is allowed: [{', '.join(known)}]")
        for name in known:
            for _, message, *_ in _RULE_OPERATORS[name](rule[name]):
                self._report.error((*path, name), message)


#: state type → what reads the blocks inside it
_BLOCKS = {"Parallel": _Reader._branches, "Map": _Reader._processor}

_RULE_FIELDS = {
    "Comment": Field(name="Comment", kind=fields.string),
    "Next": Field(name="Next", kind=fields.string),
    "Variable": Field(name="Variable", kind=fields.reference_path),
    "Assign": fields.CATCHER["Assign"],
}
_RULE_OPERATORS: dict[str, fields.Kind] = {
    **{name: fields.typed(row.operand, row.accepts) for name, row in choice.OPERATORS.items()},
    **dict.fromkeys(choice.PATH_OPERATORS, fields.reference_path),
    choice.PRESENT: fields.boolean,
}


def _look_like_paths(value: Any, path: Path = ()) -> Iterable[Path]:
    """Where a template holds text that looks like a path under a plain name."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(inner, str):
                yield from _look_like_paths(inner, (*path, key))
            elif not key.endswith(".$") and inner.startswith(("$.", "$$.", "$[", "States.")):
                yield (*path, key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _look_like_paths(inner, (*path, index))


def _has_dollar(value: Any) -> bool:
    if isinstance(value, dict):
        return any(key.endswith(".$") or _has_dollar(inner) for key, inner in value.items())
    return isinstance(value, list) and any(map(_has_dollar, value))
