"""Runs a training script, then packs its folder with the model: the first script of every training job.

A model is served and judged by the script that was written beside its training script, so it has to travel
with it: `code/inference.py` in model.tar.gz. SageMaker packs what lies in SM_MODEL_DIR when the job ends,
and that is here. A training script that writes `code/` itself has its way.

Shipped to training jobs beside the user's scripts: the standard library alone, every Python from 3.6 on.
"""

import json
import os
import runpy
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: which script trains, and which predicts
TOLD = "train_and_pack.json"


def main():  # type: () -> None
    told = json.loads((HERE / TOLD).read_text("utf-8"))
    script = HERE / told["entry_point"]
    sys.argv[0] = str(script)
    sys.path.insert(0, str(HERE))
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as leaving:
        if leaving.code not in (None, 0):
            raise
    pack(HERE, Path(os.environ["SM_MODEL_DIR"]) / "code", told["inference"])


def pack(source, target, inference):  # type: (Path, Path, str) -> None
    """Copy the scripts, as they are; files that the training script left there stay."""
    if not (target / "inference.py").exists():
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(source / inference), str(target / "inference.py"))
    own = {TOLD, Path(__file__).name}
    for path in sorted(source.rglob("*")):
        within = path.relative_to(source)
        if path.is_file() and "__pycache__" not in within.parts and str(within) not in own:
            (target / within).parent.mkdir(parents=True, exist_ok=True)
            if not (target / within).exists():
                shutil.copyfile(str(path), str(target / within))


if __name__ == "__main__":
    main()
