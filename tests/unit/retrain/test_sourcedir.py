"""Training scripts are packed the same every time, and their folder travels with the model."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from stepwell.retrain.resources import sourcedir

TRAIN = """
import os, pathlib, sys
import shapes
assert __name__ == "__main__"
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text(shapes.NAME + " ".join(sys.argv[1:]))
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    files = {
        "train.py": TRAIN,
        "shapes.py": "NAME = 'round '\n",
        "predict.py": "# predicts\n",
        "tables/a.csv": "1\n",
        "__pycache__/train.pyc": "",
        ".secret": "",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def packed(code: Path) -> bytes:
    return sourcedir.packed(code, entry_point="train.py", inference="predict.py")


def trained(code: Path, tmp_path: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Run the archive's program as a training job does; gives the model's folder."""
    work, model = tmp_path / "opt", tmp_path / "model"
    with tarfile.open(fileobj=io.BytesIO(packed(code))) as archive:
        archive.extractall(work, filter="data")
    model.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, sourcedir.PROGRAM, *arguments],
        cwd=work,
        env={**os.environ, "SM_MODEL_DIR": str(model)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done, model


def test_equal_scripts_make_equal_archives(code: Path) -> None:
    first = packed(code)
    for path in code.rglob("*"):
        os.utime(path, (1, 1))
    assert packed(code) == first
    (code / "shapes.py").write_text("NAME = 'square '\n")
    assert packed(code) != first


def test_caches_and_hidden_files_stay_out(code: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(packed(code))) as archive:
        names = archive.getnames()
    assert names == sorted(
        ["predict.py", "shapes.py", "tables/a.csv", "train.py", sourcedir.PROGRAM, "train_and_pack.json"]
    )


def test_the_script_runs_as_it_would_alone_and_its_folder_goes_with_the_model(
    code: Path, tmp_path: Path
) -> None:
    done, model = trained(code, tmp_path, "--depth", "3")
    assert done.returncode == 0, done.stderr
    assert (model / "model.txt").read_text() == "round --depth 3"
    assert (model / "code" / "inference.py").read_text() == "# predicts\n"
    assert {path.name for path in (model / "code").iterdir()} == {
        "inference.py",
        "predict.py",
        "shapes.py",
        "tables",
        "train.py",
    }


def test_what_the_script_packed_itself_stays(code: Path, tmp_path: Path) -> None:
    (code / "train.py").write_text(
        "import os, pathlib\n"
        "target = pathlib.Path(os.environ['SM_MODEL_DIR'], 'code')\n"
        "target.mkdir()\n"
        "(target / 'inference.py').write_text('# its own')\n"
    )
    done, model = trained(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (model / "code" / "inference.py").read_text() == "# its own"


@pytest.mark.parametrize(
    ("ending", "code_", "packs"),
    [
        ("sys.exit()", 0, True),
        ("sys.exit(0)", 0, True),
        ("sys.exit(3)", 3, False),
        ("raise ValueError", 1, False),
    ],
)
def test_a_script_that_fails_fails_the_job(
    code: Path, tmp_path: Path, ending: str, code_: int, packs: bool
) -> None:
    (code / "train.py").write_text(f"import sys\n{ending}\n")
    done, model = trained(code, tmp_path)
    assert done.returncode == code_
    assert (model / "code").exists() == packs
