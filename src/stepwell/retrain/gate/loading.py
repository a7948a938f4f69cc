"""Models as SageMaker serves them: `code/inference.py` of the artefact, or a pickled estimator by itself.

This is what happens in a model's own process, which `apart` starts. User code may do anything: raise, exit,
answer nonsense. Whatever it does ends as a problem with a name.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any, Callable, Mapping

from .answers import Unusable, plain
from .rows import Rows
from .sources import versions

#: the files that hold an estimator where there is no script, by their endings; the first found counts
ESTIMATORS = (".joblib", ".pkl", ".pickle")
#: what user code may end with that isn't the end of what is known about it
ENDS = (Exception, SystemExit)


class Broken(Exception):
    """Why a model has no answers: a code of REASONS without its first word."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def main(to: int) -> None:
    """Answer the question on standard input: two lines of JSON to the file descriptor `to`.

    The first says that the model is loaded, the second what it answered; one that is broken has one line.
    """
    asked = json.loads(sys.stdin.buffer.read())
    sys.path.insert(0, str(Path(asked["folder"]) / "code"))
    with os.fdopen(to, "wb") as reply:
        try:
            loaded, predict = _loaded(Path(asked["folder"]), asked["task"])
            reply.write(b"{}\n")
            reply.flush()
            sets = {name: _rows(each) for name, each in asked["sets"].items()}
            found = {of: _predicted(of, rows, loaded, predict) for of, rows in sets.items()}
            said = {"predictions": found, "classes": _classes(loaded), "versions": versions()}
            line = json.dumps(said, default=_bare).encode("utf-8")
        except Broken as broken:
            line = json.dumps({"code": broken.code, "sentence": str(broken)}).encode("utf-8")
        except (TypeError, ValueError, RecursionError) as error:
            line = json.dumps({"code": "SHAPE", "sentence": f"{type(error).__name__}: {error}"}).encode(
                "utf-8"
            )
        reply.write(line + b"\n")


def _rows(value: Mapping[str, Any]) -> Rows:
    """Rows as a model sees them: without labels."""
    return Rows(tuple(value["columns"]), tuple(tuple(row) for row in value["cells"]), (), ())


def _loaded(folder: Path, task: str) -> tuple[Any, Callable[[Rows, Any], Any]]:
    """The model, and how it is asked."""
    script = folder / "code" / "inference.py"
    try:
        if script.is_file():
            code = _script(script)
            load = getattr(code, "model_fn", None)
            return (load(str(folder)) if load else _estimator(folder)), _served(code, task)
        return _estimator(folder), _asked(task)
    except ENDS as error:
        if isinstance(error, Broken):
            raise
        raise Broken("UNLOADABLE", f"{type(error).__name__}: {error}") from None


def _script(script: Path) -> Any:
    """The module of a script."""
    spec = importlib.util.spec_from_file_location("inference", str(script))
    if spec is None or spec.loader is None:
        raise ImportError(f"{script.name} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _estimator(folder: Path) -> Any:
    found = [path for ending in ESTIMATORS for path in sorted(folder.glob(f"*{ending}"))]
    if not found:
        raise Broken("UNLOADABLE", f"there is no code/inference.py and no file {', *'.join(ESTIMATORS)}.")
    if found[0].suffix == ".joblib":
        return importlib.import_module("joblib").load(str(found[0]))
    with found[0].open("rb") as file:
        return pickle.load(file)


def _served(code: Any, task: str) -> Callable[[Rows, Any], Any]:
    """Rows through a script as a model server does: `input_fn` on CSV, then `predict_fn`."""
    read, predict = getattr(code, "input_fn", None), getattr(code, "predict_fn", None)
    ask = _asked(task)

    def served(rows: Rows, loaded: Any) -> Any:
        data = read(rows.text(), "text/csv") if read else _array(rows)
        return predict(data, loaded) if predict else ask(rows, loaded)

    return served


def _asked(task: str) -> Callable[[Rows, Any], Any]:
    """Rows to an estimator's own `predict`, or `predict_proba` where probabilities are asked for."""

    def asked(rows: Rows, loaded: Any) -> Any:
        return (loaded.predict_proba if task == "probabilities" else loaded.predict)(_array(rows))

    return asked


def _array(rows: Rows) -> Any:
    """The cells as an array of floats, as SageMaker's containers decode CSV; text stays text."""
    numpy = importlib.import_module("numpy")
    try:
        return numpy.array([[float(cell) for cell in row] for row in rows.cells])
    except ValueError:
        return numpy.array(rows.cells, dtype=object)


def _predicted(of: str, rows: Rows, loaded: Any, predict: Callable[[Rows, Any], Any]) -> list[Any]:
    try:
        return plain(predict(rows, loaded))
    except Unusable as error:
        raise Broken(error.kind, f"{of} rows: {error}.") from None
    except ENDS as error:
        raise Broken("RAISES", f"{of} rows: {type(error).__name__}: {error}") from None


def _classes(loaded: Any) -> list[Any] | None:
    """The classes that an estimator says it has."""
    found = getattr(loaded, "classes_", None)
    return list(found.tolist() if hasattr(found, "tolist") else found) if found is not None else None


def _bare(value: Any) -> Any:
    """A value of any library as one of JSON: scalars of arrays, bytes, decimals."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if hasattr(value, "__index__"):
        return int(value)
    return float(value) if hasattr(value, "__float__") else str(value)
