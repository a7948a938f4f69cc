"""Models as SageMaker serves them: `code/inference.py` of the artefact, or a pickled estimator by itself.

User code may do anything: raise, exit, answer nonsense. Whatever it does ends as a problem with a name.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import os
import pickle
import sys
import tarfile
from pathlib import Path
from typing import Any, Callable, Iterator

from .decision import Note
from .rows import Rows
from .trial import Model

#: the files that hold an estimator where there is no script, by their endings; the first found counts
ESTIMATORS = (".joblib", ".pkl", ".pickle")
#: what user code may end with that isn't the gate's end
ENDS = (Exception, SystemExit)


class _Problem(Exception):
    """Why a model has no answers: a code of REASONS without its first word."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.note = Note(code, message)


def model(name: str, folder: Path, work: Path, sets: dict[str, Rows], task: str) -> tuple[Model, str]:
    """The answers of the model whose artefact lies in `folder`, and the artefact's SHA-256 (or nothing)."""
    digest = ""
    try:
        archive = next(iter(sorted(folder.rglob("model.tar.gz"))), None)
        if archive is None:
            raise _Problem("MISSING", "there is no model.tar.gz.")
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        root = _unpacked(archive, work / name)
        with _importable(root / "code"):
            loaded, predict = _loaded(name, root, task)
            found = {of: _predicted(of, rows, loaded, predict) for of, rows in sets.items() if len(rows)}
            return Model(found, _classes(loaded)), digest
    except _Problem as problem:
        return Model(problem=problem.note), digest


def _unpacked(archive: Path, target: Path) -> Path:
    """The artefact's files; one that would lie elsewhere makes it unloadable."""
    root = target.resolve()
    try:
        target.mkdir(parents=True)
        with tarfile.open(archive) as packed:
            for entry in packed.getmembers():
                place = (root / entry.name).resolve()
                within = place == root or root in place.parents
                if not within or not (entry.isfile() or entry.isdir()):
                    raise _Problem("UNLOADABLE", f"an entry is no plain file: {entry.name}.")
                packed.extract(entry, str(root))
    except (tarfile.TarError, OSError, EOFError) as error:
        raise _Problem("UNLOADABLE", f"model.tar.gz cannot be unpacked: {error}.") from None
    return root


@contextlib.contextmanager
def _importable(code: Path) -> Iterator[None]:
    """A model's own modules for as long as it is asked: the other model may have others of the same names."""
    path, here = list(sys.path), os.getcwd()
    sys.path.insert(0, str(code))
    try:
        yield
    finally:
        sys.path[:] = path
        os.chdir(here)
        for name, module in list(sys.modules.items()):
            if code in Path(getattr(module, "__file__", None) or "").parents:
                del sys.modules[name]


def _loaded(name: str, folder: Path, task: str) -> tuple[Any, Callable[[Rows, Any], Any]]:
    """The model, and how it is asked."""
    script = folder / "code" / "inference.py"
    try:
        if script.is_file():
            code = _script(name, script)
            load = getattr(code, "model_fn", None)
            return (load(str(folder)) if load else _estimator(folder)), _served(code, task)
        return _estimator(folder), _asked(task)
    except ENDS as error:
        if isinstance(error, _Problem):
            raise
        raise _Problem("UNLOADABLE", f"{type(error).__name__}: {error}") from None


def _script(name: str, script: Path) -> Any:
    """The module of a script, under a name of its own: two models have two."""
    spec = importlib.util.spec_from_file_location(f"inference_of_{name}", str(script))
    if spec is None or spec.loader is None:
        raise ImportError(f"{script.name} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _estimator(folder: Path) -> Any:
    found = [path for ending in ESTIMATORS for path in sorted(folder.glob(f"*{ending}"))]
    if not found:
        raise _Problem("UNLOADABLE", f"there is no code/inference.py and no file {', *'.join(ESTIMATORS)}.")
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


def _predicted(of: str, rows: Rows, loaded: Any, predict: Callable[[Rows, Any], Any]) -> Any:
    try:
        return predict(rows, loaded)
    except ENDS as error:
        raise _Problem("RAISES", f"{of} rows: {type(error).__name__}: {error}") from None


def _classes(loaded: Any) -> list[Any] | None:
    """The classes that an estimator says it has."""
    found = getattr(loaded, "classes_", None)
    return list(found.tolist() if hasattr(found, "tolist") else found) if found is not None else None
