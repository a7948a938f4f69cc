"""What a workflow is made of beside its triggers: preparing, training, judging, deploying, approval."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepwell.retrain.gate.faults import SettingsInvalid as GateInvalid
from stepwell.retrain.gate.metrics import METRICS
from stepwell.retrain.gate.settings import Baseline, Settings, Slice
from stepwell.retrain.parts import columns as columns_
from stepwell.retrain.parts import sources
from stepwell.retrain.parts.columns import Column, Columns
from stepwell.retrain.parts.declaration import (
    DeclarationError,
    Part,
    instance_of,
    matches,
    number,
    seconds,
    texts,
    whole,
)
from stepwell.retrain.prepare.faults import SettingsInvalid as PrepareInvalid
from stepwell.retrain.prepare.settings import Settings as PrepareSettings

_IMAGE = r"[a-z0-9][a-z0-9.-]*(:\d+)?/[a-z0-9._/-]+(:[\w.-]{1,128})?(@sha256:[0-9a-f]{64})?"
_INSTANCE = r"ml\.[a-z0-9-]+\.[a-z0-9-]+"
_ENDPOINT = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
_CHANNEL = r"[A-Za-z0-9._-]{1,64}"
DAY = 86400


class _Job(Part):
    """What a SageMaker job runs on."""

    image: Any
    instance: str
    volume: int
    time_limit: int | str

    def _check_job(self) -> None:
        what = type(self).__name__
        check_image(f"{what}'s image", self.image)
        matches(f"{what}'s instance", self.instance, _INSTANCE, "a SageMaker instance type: 'ml.m5.large'")
        whole(f"{what}'s volume, in GB,", self.volume, 1, 16384)
        seconds(f"{what}'s time_limit", self.time_limit, 60, 28 * DAY)

    @property
    def longest(self) -> int:
        """The time limit in seconds."""
        return seconds("time_limit", self.time_limit, 60, 28 * DAY)


@dataclass(frozen=True, kw_only=True)
class Prepare(_Job):
    """How a batch's raw files become rows: which columns they have, and which rows are held out."""

    #: all columns; what arrives otherwise fails the run with file, line and column
    columns: Sequence[Column | Columns]
    #: the name of the label's column
    label: str
    #: the share of a batch that no model is trained on
    held_out: float = 0.25
    #: `rows`: by a digest of each; `last`: the last ones (time series); `column`: by `held_out_column`
    held_out_by: str = "rows"
    #: whose values stay on one side: a patient's rows, a device's
    held_out_column: str = ""
    #: `csv` or `jsonl`
    format: str = "csv"
    #: whether the first line of a CSV file names the columns
    header: bool = True
    #: `module:function` that turns raw files of any form into such files; None: they are such
    function: str | None = None
    #: the folder of that module
    code: str = "."
    #: rows below which a batch waits for more
    least_rows: int = 0
    #: the container image of the job; None: the training's
    image: Any = None
    #: SageMaker's instance type
    instance: str = "ml.m5.large"
    #: GB of disk
    volume: int = 30
    #: seconds, or `2 hours`
    time_limit: int | str = "1 hour"

    def __post_init__(self) -> None:
        self._check_job()
        try:
            PrepareSettings.from_json(self.settings())
        except PrepareInvalid as error:
            raise DeclarationError(f"Prepare: {error}") from None
        if self.function is not None:
            sources.function("Prepare's function", sources.folder("Prepare's code", self.code), self.function)

    def settings(self) -> dict[str, Any]:
        """The job's configuration."""
        held_out = {"share": self.held_out, "by": self.held_out_by}
        if self.held_out_column:
            held_out["column"] = self.held_out_column
        return {
            "columns": columns_.declared(self.columns),
            "label": self.label,
            "held_out": held_out,
            "format": self.format,
            "header": self.header,
            "function": self.function,
            "least_rows": self.least_rows,
        }

    @property
    def module(self) -> Path | None:
        """The file of the user's function."""
        return None if self.function is None else Path(self.code, f"{self.function.partition(':')[0]}.py")


@dataclass(frozen=True, kw_only=True)
class Train(_Job):
    """How a model is trained, by a script of the user's in SageMaker's script mode."""

    #: the container image, a framework's of AWS or one of that kind; also serves the model
    image: Any
    #: the folder of the scripts, packed whole
    code: str
    #: the training script: rows with a header in SM_CHANNEL_TRAIN, a model into SM_MODEL_DIR
    entry_point: str = "train.py"
    #: the script that loads the model and predicts; packed with each model, from where also the gate has it
    inference: str = "inference.py"
    #: the training script's arguments; whatever isn't text is written as JSON
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    #: train on the newest so many accepted batches and the new one; None: on all
    batches: int | None = None
    #: further channels: name to S3 URI
    channels: Mapping[str, Any] = field(default_factory=dict)
    #: what SageMaker reads off the log: name to regular expression
    metrics: Mapping[str, str] = field(default_factory=dict)
    #: variables of the model's container
    inference_environment: Mapping[str, str] = field(default_factory=dict)
    #: as `Prepare.instance`, and so on
    instance: str = "ml.m5.large"
    volume: int = 30
    time_limit: int | str = "1 hour"

    def __post_init__(self) -> None:
        if self.image is None:
            raise DeclarationError("Train's image is the URI of a container image, not None")
        self._check_job()
        folder = sources.folder("Train's code", self.code)
        sources.script("Train's entry_point", folder, self.entry_point)
        sources.script("Train's inference", folder, self.inference)
        instance_of("Train's hyperparameters", self.hyperparameters, Mapping)
        for name in self.hyperparameters:
            allowed = "of letters, digits, '_', '-' and '.', and doesn't begin with sagemaker_"
            matches("a hyperparameter's name", name, r"(?!sagemaker_)[\w.-]{1,256}", allowed)
        if self.batches is not None:
            whole("Train's batches", self.batches, 1, 10_000)
        instance_of("Train's channels", self.channels, Mapping)
        for name, uri in self.channels.items():
            matches("a channel's name", name, _CHANNEL, "one of letters, digits, '.', '_' and '-'")
            if name == "train":
                raise DeclarationError("Train's channels are further ones: 'train' has the batches' rows")
            if isinstance(uri, str):
                matches(f"channel {name}", uri, r"s3://[a-z0-9.-]{3,63}(/.*)?", "an S3 URI")
        texts("Train's metrics", self.metrics)
        for name, pattern in self.metrics.items():
            try:
                re.compile(pattern)
            except re.error as error:
                raise DeclarationError(f"metric {name} has no regular expression: {error}") from None
        texts("Train's inference_environment", self.inference_environment)

    @property
    def arguments(self) -> dict[str, str]:
        """The hyperparameters as SageMaker wants them: texts."""
        return {name: _text(value) for name, value in self.hyperparameters.items()}


@dataclass(frozen=True, kw_only=True)
class Gate(_Job):
    """Who wins: the challenger, the champion, or a person's judgement; docs/gate.md has each setting."""

    #: what the champion must score on a batch's own labels: at least, or for errors at most
    floor: float
    #: a metric's name, or `module:function` called with (labels, predictions)
    metric: str = "accuracy"
    #: for a metric of one's own: whether more is better
    higher_is_better: bool = True
    #: for a metric of one's own: what predictions are: `classes`, `probabilities` or `numbers`
    task: str = "classes"
    #: `not-worse`: shown to be no more than `margin` worse; `better`: shown to be better
    rule: str = "not-worse"
    #: the loss that counts as none
    margin: float = 0.05
    #: how much worse than the champion on trusted rows is let pass
    trusted_margin: float = 0.0
    #: the share of wrong answers that each test may give
    alpha: float = 0.05
    #: rows of the batch below which nothing is decided for the challenger
    least_rows: int = 30
    #: rows of a slice below which it is shown and not judged
    least_slice_rows: int = 30
    #: how often the bootstrap draws
    resamples: int = 2000
    #: what the bootstrap's draws begin with
    seed: int = 0
    #: the class that `f1` is about
    positive: str = "1"
    #: all classes, in the order of a model's probabilities; empty: the champion's own
    classes: Sequence[str] = ()
    #: what is let pass that otherwise quarantines a batch: `new-class`, `one-class`
    allow: Sequence[str] = ()
    #: parts of the rows that are looked at by themselves
    slices: Sequence[Slice] = ()
    #: naive forecasts beside those that are always shown
    baselines: Sequence[Baseline] = ()
    #: how long a person has to release or reject a quarantined batch
    patience: int | str = "30 days"
    #: the folder of a metric of one's own
    code: str = "."
    #: as `Prepare.image`, and so on
    image: Any = None
    instance: str = "ml.m5.large"
    volume: int = 30
    time_limit: int | str = "1 hour"

    def __post_init__(self) -> None:
        self._check_job()
        try:
            self.settings()
        except GateInvalid as error:
            raise DeclarationError(f"Gate: {error}") from None
        self._check_floors()
        seconds("Gate's patience", self.patience, 60, 365 * DAY)
        if ":" in self.metric:
            sources.function("Gate's metric", sources.folder("Gate's code", self.code), self.metric)

    def _check_floors(self) -> None:
        """Raises DeclarationError for a floor that no score, or every one, reaches."""
        if self.metric not in METRICS:
            return
        most = 1.0 if METRICS[self.metric].higher_is_better else math.inf
        what = "the least that is enough" if most == 1.0 else "the greatest error that is borne"
        floors = [
            ("floor", self.floor),
            *((f"slice {each.column}'s floor", each.floor) for each in self.slices),
        ]
        for name, floor in floors:
            if floor is not None and not 0 <= floor <= most:
                bounds = "from 0 to 1" if most == 1.0 else "0 or more"
                raise DeclarationError(f"Gate: {name} is {what} of {self.metric}, {bounds}, not {floor!r}")

    def settings(self) -> dict[str, Any]:
        """The job's settings. Raises the gate's SettingsInvalid."""
        names = [each.name for each in dataclasses.fields(Settings)]
        found = {name: getattr(self, name) for name in names}
        several = {name: tuple(found[name]) for name in ("classes", "allow", "slices", "baselines")}
        return Settings(**{**found, **several}).to_json()

    @property
    def module(self) -> Path | None:
        """The file of the user's metric."""
        return Path(self.code, f"{self.metric.partition(':')[0]}.py") if ":" in self.metric else None

    @property
    def patient_seconds(self) -> int:
        """`patience` in seconds."""
        return seconds("Gate's patience", self.patience, 60, 365 * DAY)


@dataclass(frozen=True, kw_only=True)
class Deploy(Part):
    """Where the champion serves: an endpoint that the workflow creates, and updates from then on."""

    #: its name; None: the workflow's
    endpoint: str | None = None
    #: SageMaker's instance type
    instance: str = "ml.m5.large"
    #: how many instances
    count: int = 1
    #: the share of requests that are written to S3 with their answers, for the monitor; None: none
    capture: float | None = None

    def __post_init__(self) -> None:
        if self.endpoint is not None:
            allowed = "at most 63 letters and digits, with '-' between them"
            matches("Deploy's endpoint", self.endpoint, _ENDPOINT, allowed)
        matches("Deploy's instance", self.instance, _INSTANCE, "a SageMaker instance type: 'ml.m5.large'")
        whole("Deploy's count", self.count, 1, 1000)
        if self.capture is not None:
            number("Deploy's capture, a share,", self.capture, 0.01, 1)


@dataclass(frozen=True, kw_only=True)
class Approval(Part):
    """A person approves each model that the gate lets pass; one that isn't approved in time is rejected."""

    #: how long a person has
    within: int | str = "30 days"

    def __post_init__(self) -> None:
        seconds("Approval's within", self.within, 60, 365 * DAY)

    @property
    def seconds(self) -> int:
        """`within` in seconds."""
        return seconds("Approval's within", self.within, 60, 365 * DAY)


def check_image(what: str, image: object) -> None:
    """Raises DeclarationError for a text that names no image; None and outputs pass."""
    if image is None or hasattr(image, "apply"):
        return
    matches(what, image, _IMAGE, "an image's URI, such as ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG")


def check_kind(what: str, value: object, kind: type[Part], *, optional: bool = False) -> None:
    """Raises DeclarationError where a part is of another kind."""
    if isinstance(value, kind) or (optional and value is None):
        return
    allowed = f"{kind.__name__} or None" if optional else kind.__name__
    raise DeclarationError(f"RetrainingWorkflow's {what} is {allowed}, not {value!r}")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
