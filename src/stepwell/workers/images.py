"""What images stand for: which Python, which libraries. A table, and a file for a team's own.

The scikit-learn rows follow the public repository aws/sagemaker-scikit-learn-container: each version's
Dockerfile and the requirements.txt of its branch. Where those leave a version open (`pandas>=1.5.0`), the row
names the newest of the image's time; where there are no wheels for the Python at hand, `environments.py`
loosens everything but the framework itself, and says so. boto3 is 1.28 at least, whatever the image has:
`inside/constraints.txt` says why.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from stepwell.errors import StepwellError

#: the file in the data folder that adds images
FILE = "images.toml"
#: what serves a model; no image of AWS's has it, all of ours need it
SERVING = ("uvicorn>=0.22", "h11", "httptools")
SCIKIT_LEARN = re.compile(
    r"\d{12}\.dkr\.ecr(-fips)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|c2s\.ic\.gov|sc2s\.sgov\.gov)"
    r"/sagemaker-scikit-learn:(?P<version>\d+\.\d+(\.\d+)?(-\d+)?(-py3\d+)?)(-cpu-py3)?"
)


class UnknownImage(StepwellError):
    """An image that no row and no file names; the message says which are known and how to add one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A row: what an image holds."""

    #: the Python in it, such as `3.10`
    python: str
    #: the requirement that makes it what it is: never loosened
    framework: str
    #: exact requirements beside it
    pins: tuple[str, ...]

    def requirements(self, *, loose: bool = False) -> tuple[str, ...]:
        """All that is to be installed; `loose` frees all but the framework below the next major version."""
        pins = tuple(_loosened(pin) for pin in self.pins) if loose else self.pins
        return (self.framework, *pins, *SERVING)


def _loosened(pin: str) -> str:
    """`numpy==1.24.1` as `numpy>=1.24.1,<2`: what was compiled for one major version breaks with the next."""
    name, exact, version = pin.partition("==")
    return f"{name}>={version},<{int(version.split('.')[0]) + 1}" if exact else pin


#: AWS's scikit-learn images by the version in their tag
SCIKIT_LEARN_VERSIONS = {
    "1.0-1": Image(
        python="3.8",
        framework="scikit-learn==1.0.2",
        pins=("numpy==1.21.0", "scipy==1.5.3", "pandas==1.1.3", "boto3==1.28.57"),
    ),
    "1.2-1": Image(
        python="3.9",
        framework="scikit-learn==1.2.1",
        pins=("numpy==1.24.1", "scipy==1.8.0", "pandas==1.1.3", "pyarrow==14.0.1", "boto3==1.28.57"),
    ),
    "1.4-2": Image(
        python="3.10",
        framework="scikit-learn==1.4.2",
        pins=("numpy==2.1.0", "scipy==1.14.1", "pandas==2.2.3", "pyarrow==17.0.0", "boto3==1.28.57"),
    ),
    "1.4-2-py311": Image(
        python="3.11",
        framework="scikit-learn==1.4.2",
        pins=("numpy==2.1.0", "scipy==1.14.1", "pandas==2.2.3", "pyarrow==17.0.0", "boto3==1.28.57"),
    ),
    "1.4-2-py312": Image(
        python="3.12",
        framework="scikit-learn==1.4.2",
        pins=("numpy==2.1.0", "scipy==1.14.1", "pandas==2.2.3", "pyarrow==17.0.0", "boto3==1.28.57"),
    ),
    "1.5-2": Image(
        python="3.10",
        framework="scikit-learn==1.5.2",
        pins=("numpy==1.26.4", "scipy==1.14.1", "pandas==2.2.3", "pyarrow==14.0.1", "boto3==1.28.57"),
    ),
}


def look_up(uri: str, data: Path) -> Image:
    """What `uri` stands for. Raises UnknownImage."""
    own = configured(data)
    if uri in own:
        return own[uri]
    match = SCIKIT_LEARN.fullmatch(uri)
    if match is not None and match["version"] in SCIKIT_LEARN_VERSIONS:
        return SCIKIT_LEARN_VERSIONS[match["version"]]
    known = ", ".join([*SCIKIT_LEARN_VERSIONS, *own])
    raise UnknownImage(
        f"no environment for the image {uri}. Known are sagemaker-scikit-learn in the versions {known}. "
        f'To add it, write into {data / FILE}:\n\n[images."{uri}"]\npython = "3.11"\n'
        'requirements = ["scikit-learn==1.5.2", "pandas==2.2.3"]'
    )


def known(data: Path) -> list[str]:
    """The URIs that can be named: AWS's, as they are spelled in us-east-1, and the data folder's own."""
    registry = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn"
    return [f"{registry}:{version}-cpu-py3" for version in SCIKIT_LEARN_VERSIONS] + list(configured(data))


def configured(data: Path) -> dict[str, Image]:
    """The images of the data folder's own file, by URI. Raises UnknownImage when the file makes no sense."""
    path = data / FILE
    if not path.exists():
        return {}
    try:
        tables = tomllib.loads(path.read_text()).get("images", {})
        return {uri: _row(table) for uri, table in tables.items()}
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise UnknownImage(f"{path}: {error}") from error


def _row(table: dict[str, object]) -> Image:
    """Raises ValueError."""
    requirements = table.get("requirements")
    if not isinstance(requirements, list) or not requirements or set(table) - {"python", "requirements"}:
        raise ValueError("an image has `requirements`, a list that is not empty, and `python`")
    first, *others = (str(item) for item in requirements)
    return Image(python=str(table.get("python", "3.11")), framework=first, pins=tuple(others))
