"""The gate's job in an image's Python, with scikit-learn's models as users leave them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from running import Running

from stepwell.retrain import archives
from stepwell.retrain.gate.evidence import Evidence

IMAGES = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn"
#: makes the folders of a job: estimators by themselves, rows of breast cancer (classes) or diabetes (numbers)
MAKE = """
import pathlib, sys, tarfile, joblib, numpy
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
base, kind = pathlib.Path(sys.argv[1]), sys.argv[2]
x, y = (load_breast_cancer if kind == "classes" else load_diabetes)(return_X_y=True)
if kind == "classes":
    models = make_pipeline(StandardScaler(), LogisticRegression()), RandomForestClassifier(50, random_state=0)
else:
    models = Ridge(0.1), RandomForestRegressor(50, random_state=0)
for name, model in zip(("challenger", "champion"), models):
    (base / name).mkdir(parents=True)
    joblib.dump(model.fit(x[:250], y[:250]), base / "model.joblib")
    with tarfile.open(base / name / "model.tar.gz", "w:gz") as packed:
        packed.add(base / "model.joblib", "model.joblib")
for name, part in (("new", slice(250, 350)), ("trusted", slice(350, None))):
    (base / name).mkdir()
    numpy.savetxt(base / name / "rows.csv", numpy.column_stack((y[part], x[part])), "%.8g", ",")
"""


def judged(python: Path, base: Path, gate: dict[str, Any]) -> Evidence:
    """Run the job of the folders in `base` / processing with an image's Python."""
    folder = base / "processing"
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / "gate.json").write_text(json.dumps({"gate": gate}))
    shipped = archives.write("gate", base / "gate.zip")
    done = subprocess.run(
        [python, "-m", "gate"],
        env={"PYTHONPATH": str(shipped), "SAGEMAKER_BASE_DIR": str(base), "PATH": os.environ["PATH"]},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Evidence.parse((folder / "report" / "evidence.json").read_text())


@pytest.fixture(scope="module", params=["1.2-1-cpu-py3", "1.4-2-cpu-py3"])
def python(request: pytest.FixtureRequest, server: Running) -> Path:
    built = server.stepwell("images", "--build", f"{IMAGES}:{request.param}")
    assert built.returncode == 0, built.stderr
    return Path(built.stdout.split()[0])


@pytest.mark.timeout(120)
def test_estimators_are_judged_by_labels_probabilities_and_numbers(python: Path, tmp_path: Path) -> None:
    """Any metric of a classifier; a model better by far passes `better`; versions of libraries are kept."""
    base = tmp_path / "classes"
    subprocess.run([python, "-c", MAKE, str(base / "processing"), "classes"], check=True)
    for metric, floor in (("balanced-accuracy", 0.8), ("auc", 0.9)):
        again = tmp_path / metric
        shutil.copytree(base, again)
        found = judged(python, again, {"floor": floor, "metric": metric, "margin": 0.5, "resamples": 200})
        assert found.decision.reason == "NOT_WORSE", found.decision.sentence
    assert {"python", "numpy", "sklearn", "joblib"} <= set(found.sources.versions)
    base = tmp_path / "numbers"
    subprocess.run([python, "-c", MAKE, str(base / "processing"), "numbers"], check=True)
    found = judged(python, base, {"floor": 80, "metric": "rmse", "margin": 0.2, "resamples": 200})
    assert found.decision.reason == "NOT_WORSE", found.decision.sentence
    assert {each.name for each in found.baselines} == {"last value"}
