"""The processing job: raw files from its folders, one folder with rows, their profile and their counts out.

It ends with 0 and a batch, or with 1 and one message, which is also left where SageMaker looks for a job's
last words; a batch that is refused leaves no files.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
import tempfile
import traceback
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from .cells import allowed, examine
from .faults import Fault, Faults, FunctionFailed, PrepareFault, SettingsInvalid, TooFewRows, clipped
from .files import Source, digest, listed
from .prepared import HELD_OUT, PREPARED, PROFILE, TRAIN, Prepared
from .profile import Profile
from .rows import Piece, pieces
from .settings import Settings
from .splitting import Split
from .tallies import tallies


def main() -> int:
    """The job; its folders lie in /opt/ml, or where SAGEMAKER_BASE_DIR says."""
    base = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    try:
        prepared, remarks = run(base / "processing")
    except (PrepareFault, OSError) as error:
        fault = error if isinstance(error, PrepareFault) else PrepareFault(str(error))
        print(fault.message(), file=sys.stderr)
        _leave(base, fault.message())
        return 1
    said = [
        f"{prepared.rows:,} rows: {prepared.train_rows:,} to train on, {prepared.held_out_rows:,} held out",
        *remarks,
    ]
    print("\n".join(said), flush=True)
    _leave(base, clipped("; ".join(said)))
    return 0


def run(base: Path) -> Tuple[Prepared, List[str]]:
    """Read what lies in `base`, and write its folder `batch`; gives what was written, and remarks.

    `source/` holds the raw files, `config/` one JSON file, `code/` the user's function. Raises PrepareFault
    for the settings, the function and the batch, OSError for folders.
    """
    settings = _configuration(base / "config")
    if not (base / "source").is_dir():
        raise FileNotFoundError(f"{base / 'source'}, the folder of the raw files, is not there")
    target = base / "batch"
    target.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        source = base / "source"
        if settings.function:
            source = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=str(base))))
            _transform(settings.function, base, source)
        try:
            return _read(source, base / "source", target, settings)
        except BaseException:
            for name in (TRAIN, HELD_OUT, PROFILE, PREPARED):
                if (target / name).exists():
                    (target / name).unlink()
            raise


def _read(source: Path, raw: Path, target: Path, settings: Settings) -> Tuple[Prepared, List[str]]:
    """The batch of the files in `source`, which were made of those in `raw` unless they are the same."""
    faults = Faults()
    remarks: List[str] = []
    seen = Seen(settings)
    sources: Dict[str, str] = {}
    with Split(target, settings) as split:
        for name, path in listed(source):
            with Source(name, path) as file:
                for piece in pieces(file, settings):
                    remarks += piece.remarks
                    cells = seen.add(name, piece, faults)
                    if cells and not faults:
                        split.add(cells)
                sources[name] = file.digest()
        if faults:
            raise faults.error()
        split.finish()
    rows = split.train_rows + split.held_out_rows
    if rows < settings.least_rows:
        raise TooFewRows(f"rows in the batch: {rows:,}; least_rows is {settings.least_rows:,}")
    if not split.train_rows or not split.held_out_rows:
        remarks.append("no rows are held out" if split.train_rows else "there are no rows to train on")
    prepared = Prepared(
        rows=rows,
        train_rows=split.train_rows,
        held_out_rows=split.held_out_rows,
        columns=settings.names,
        label=settings.label,
        sources=sources if source == raw else {name: digest(path) for name, path in listed(raw)},
        digests={name: digest(target / name) for name in (TRAIN, HELD_OUT)},
    )
    _write(target / PROFILE, seen.profile(rows).to_json())
    _write(target / PREPARED, prepared.to_json())
    return prepared, remarks


class Seen:
    """What was seen of each column so far."""

    def __init__(self, settings: Settings) -> None:
        self._columns = settings.columns
        self._tallies = tallies(settings.columns)
        self._missing = [0] * len(settings.columns)

    def add(self, name: str, piece: Piece, faults: Faults) -> Sequence[Sequence[str]]:
        """Check a file's piece and count it; gives its cells as they are written out."""
        found = [examine(column, cells) for column, cells in zip(self._columns, piece.columns)]
        wrong = list(piece.faults)
        for column, each in zip(self._columns, found):
            for place, problem in each.faults:
                wrong.append(Fault(name, piece.lines[place], column.name, problem, allowed(column)))
        for fault in sorted(wrong, key=lambda fault: fault.line):
            faults.add(fault)
        if not faults:
            for place, each in enumerate(found):
                self._tallies[place].add(each.values)
                self._missing[place] += each.missing
        return [each.cells for each in found]

    def profile(self, rows: int) -> Profile:
        """The profile of all that was seen."""
        columns = {
            column.name: tally.profile(missing)
            for column, tally, missing in zip(self._columns, self._tallies, self._missing)
        }
        return Profile(rows=rows, columns=columns)


def _configuration(folder: Path) -> Settings:
    paths = sorted(folder.rglob("*.json"))
    if len(paths) != 1:
        raise SettingsInvalid(f"config has {len(paths)} JSON files; one is needed")
    try:
        value = json.loads(paths[0].read_text("utf-8"))
    except ValueError as error:
        raise SettingsInvalid(f"{paths[0].name} is no JSON: {error}") from None
    return Settings.from_json(value)


def _transform(function: str, base: Path, target: Path) -> None:
    """Have the user's function make files of the raw ones. Raises FunctionFailed, which says where."""
    code = str(base / "code")
    if code not in sys.path:
        sys.path.insert(0, code)
    try:
        _found(function, base / "code")(base / "source", target)
    except (Exception, SystemExit) as error:
        traceback.print_exc(file=sys.stdout)
        frames = traceback.extract_tb(error.__traceback__)
        theirs = [each for each in frames if each.filename.startswith(code)]
        where = f" ({Path(theirs[-1].filename).name}, line {theirs[-1].lineno})" if theirs else ""
        raise FunctionFailed(f"{function} raised {type(error).__name__}: {error}{where}") from None
    if not listed(target):
        raise FunctionFailed(f"{function} made no files in {target.name}, the folder that it is given second")


def _found(function: str, code: Path) -> Any:
    """The user's function. Their module may be called `prepare` too, and is the one that is meant."""
    name, _, attribute = function.partition(":")
    path = code / (name.replace(".", "/") + ".py")
    if name not in sys.modules or not path.is_file():
        return getattr(importlib.import_module(name), attribute)
    spec = importlib.util.spec_from_file_location(f"{name}_of_the_batch", str(path))
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return getattr(module, attribute)


def _leave(base: Path, message: str) -> None:
    """Write the job's last words where SageMaker looks for them."""
    folder = base / "output"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "message").write_text(message, "utf-8")


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, allow_nan=False), "utf-8")
