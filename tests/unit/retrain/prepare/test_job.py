"""The processing job: folders in, one folder out, and last words where SageMaker looks for them."""

from __future__ import annotations

import ast
import gzip
import hashlib
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from retrain.prepare.conftest import COLUMNS, HEADER, ROW, Batch

from stepwell.retrain import archives, prepare
from stepwell.retrain.prepare.prepared import Prepared, PreparedInvalid

ROWS = "".join(f"{age},north,2026-01-05T10:00:00Z,well,{age % 2}\n" for age in range(100))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_is_written_has_counts_and_digests(batch: Batch) -> None:
    """The sources' digests are of the objects as they arrived, packed or not."""
    plain = batch.raw("2026/a.csv", HEADER + ROWS)
    packed = batch.raw("2026/b.csv.gz", gzip.compress((HEADER + ROWS.replace("north", "south")).encode()))
    assert batch.prepare() == []
    folder = batch.base / "batch"
    value = json.loads((folder / "prepared.json").read_text())
    train, held_out = len(batch.rows("train")) - 1, len(batch.rows("held-out")) - 1
    assert train + held_out == 200 and held_out > 20
    assert value == {
        "rows": 200,
        "train_rows": train,
        "held_out_rows": held_out,
        "columns": [column["name"] for column in COLUMNS],
        "label": "alive",
        "sources": {"2026/a.csv": sha256(plain), "2026/b.csv.gz": sha256(packed)},
        "digests": {name: sha256(folder / name) for name in ("train.csv", "held-out.csv")},
    }
    assert sorted(path.name for path in folder.iterdir()) == [
        "held-out.csv",
        "prepared.json",
        "profile.json",
        "train.csv",
    ]
    assert batch.described()[0].to_json() == value


def test_the_same_objects_make_the_same_files(batch: Batch) -> None:
    batch.raw("a.csv", HEADER + ROWS)
    found = []
    for _ in range(2):
        batch.prepare()
        found.append({path.name: path.read_bytes() for path in (batch.base / "batch").iterdir()})
    assert found[0] == found[1]


def test_a_users_function_makes_rows_of_any_files(batch: Batch) -> None:
    """Its files are checked like any; the sources are those that arrived."""
    arrived = batch.raw("form.txt", "age=41 hospital=north alive=1\nage=7 hospital=south alive=0\n")
    batch.code("words.py", "SEPARATOR = '='\n")
    batch.code(
        "forms.py",
        "import csv, words\n"
        "def tidy(source, target):\n"
        "    with (target / 'forms.csv').open('w', newline='') as file:\n"
        "        out = csv.writer(file)\n"
        "        out.writerow(['age', 'hospital', 'since', 'note', 'alive'])\n"
        "        for line in (source / 'form.txt').read_text().splitlines():\n"
        "            found = dict(pair.split(words.SEPARATOR) for pair in line.split())\n"
        "            out.writerow([found['age'], found['hospital'], '', '', found['alive']])\n",
    )
    batch.declare(function="forms:tidy")
    batch.prepare()
    assert sorted(batch.all_rows()) == [["41", "north", "", "", "1"], ["7", "south", "", "", "0"]]
    assert batch.described()[0].sources == {"form.txt": sha256(arrived)}
    batch.raw("form.txt", "age=x hospital=north alive=1\n")
    assert batch.refused().startswith('BATCH_INVALID: forms.csv, line 2, column "age": "x" is no number')


def test_a_users_module_may_have_the_name_of_the_job(batch: Batch, tmp_path: Path) -> None:
    """`prepare:prepare` is what many will write; it is theirs that is called, by the shipped job too."""
    batch.code("rows.py", f"TEXT = {HEADER + ROW!r}\n")
    batch.code(
        "prepare.py", "import rows\ndef prepare(source, target): (target / 'a.csv').write_text(rows.TEXT)\n"
    )
    batch.declare(function="prepare:prepare")
    batch.raw("anything.bin", b"\x00")
    done = started(batch, archives.write("prepare", tmp_path / "prepare.zip"))
    assert (done.returncode, done.stderr) == (0, "")
    assert batch.described()[0].rows == 1


#: (the function, its module's text) → the message
FUNCTIONS = {
    "raises": (
        "first:make",
        "def make(source, target):\n    1 / 0\n",
        "first:make raised ZeroDivisionError: division by zero (first.py, line 2)",
    ),
    "exits": (
        "second:make",
        "def make(source, target):\n    raise SystemExit(3)\n",
        "second:make raised SystemExit: 3 (second.py, line 2)",
    ),
    "makes nothing": ("third:make", "def make(source, target): return None\n", "third:make made no files"),
    "is not there": (
        "fourth:make",
        "",
        "fourth:make raised AttributeError: module 'fourth' has no attribute 'make'",
    ),
    "has no module": (
        "absent_altogether:make",
        "",
        "absent_altogether:make raised ModuleNotFoundError: No module named",
    ),
}


@pytest.mark.parametrize("case", FUNCTIONS)
def test_a_function_that_fails_is_told_with_its_line(batch: Batch, case: str) -> None:
    function, text, message = FUNCTIONS[case]
    if "absent" not in function:
        batch.code(function.partition(":")[0] + ".py", text)
    batch.declare(function=function)
    batch.raw("a.csv", HEADER + ROW)
    assert batch.refused().startswith(f"FUNCTION_FAILED: {message}")
    assert sorted(path.name for path in batch.base.iterdir()) == ["batch", "code", "config", "source"]


@pytest.fixture(autouse=True)
def _own_modules() -> Iterator[None]:
    """A function's module is that of its own batch, and the path is as it was."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def started(batch: Batch, shipped: Path) -> subprocess.CompletedProcess[str]:
    """The job as a processing job starts it: away from the repository, with the shipped archive alone."""
    return subprocess.run(
        [sys.executable, "-S", "-m", "prepare"],
        env={"PYTHONPATH": str(shipped), "SAGEMAKER_BASE_DIR": str(batch.base.parent)},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_shipped_archive_runs_alone(batch: Batch, tmp_path: Path) -> None:
    """0 and the counts for a batch; 1 and one message for none, each left for SageMaker too."""
    shipped = archives.write("prepare", tmp_path / "build" / "prepare.zip")
    left = tmp_path / "output" / "message"
    batch.raw("a.csv", HEADER + ROW)
    batch.raw("b.csv", "")
    done = started(batch, shipped)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].startswith("1 rows: ")
    assert done.stdout.splitlines()[1] == "b.csv is empty"
    assert left.read_text() == "; ".join(done.stdout.splitlines())
    batch.raw("a.csv", HEADER + "x,north,,,true\n")
    done = started(batch, shipped)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith('BATCH_INVALID: a.csv, line 2, column "age": "x" is no number')
    assert left.read_text() == done.stderr.rstrip("\n")
    assert not list((batch.base / "batch").iterdir())


def test_a_folder_that_is_not_there_is_told(batch: Batch, tmp_path: Path) -> None:
    shipped = archives.write("prepare", tmp_path / "prepare.zip")
    (batch.base / "source").rmdir()
    done = started(batch, shipped)
    assert done.returncode == 1
    assert done.stderr.startswith("JOB_FAILED: ") and "source" in done.stderr


def test_memory_is_bounded_whatever_the_batchs_size(batch: Batch) -> None:
    """A batch of many times the size takes no more; every row and every note is another."""

    def needed(rows: int) -> int:
        with (batch.base / "source" / "a.csv").open("w") as file:
            file.write(HEADER)
            for at in range(rows):
                file.write(f"{at % 121},north,2026-01-05,{at:0200},{at % 2}\n")
        tracemalloc.start()
        batch.prepare()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert batch.described()[0].rows == rows
        return peak

    small, large = needed(15_000), needed(75_000)
    assert large < small + (2 << 20)
    assert large < (batch.base / "source" / "a.csv").stat().st_size


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"rows": 1}'])
def test_what_describes_no_batch_is_told(text: str) -> None:
    with pytest.raises(PreparedInvalid):
        Prepared.parse(text)


def test_the_package_is_python_3_8_and_stands_alone() -> None:
    """Images have old Pythons, and none has Stepwell."""
    allowed = set(sys.stdlib_module_names)
    for path in Path(prepare.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(), feature_version=(3, 8))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert {name.name.split(".")[0] for name in node.names} <= allowed, path.name
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 1 or (node.module or "").split(".")[0] in allowed, path.name
