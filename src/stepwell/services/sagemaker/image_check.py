"""Refuses an image that nothing stands for when it is named, not when the job fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from stepwell.errors import ValidationException
from stepwell.services.sagemaker.errors import RunFailed
from stepwell.services.sagemaker.ports import Environments
from stepwell.workers.environments import BuildFailed, Environment
from stepwell.workers.images import UnknownImage

#: raises ValidationException, saying what to do, for an image that nothing stands for
CheckImage = Callable[[str], Awaitable[None]]


def image_check(environments: Environments) -> CheckImage:
    """The check against a table of images; it reads files and belongs off the loop."""

    async def check(image: str) -> None:
        try:
            await asyncio.to_thread(environments.ready, image)
        except UnknownImage as error:
            raise ValidationException(str(error)) from error

    return check


async def built(environments: Environments, image: str, progress: Callable[[str], None]) -> Environment:
    """The image's environment, built now when it is not yet. Raises RunFailed."""
    try:
        environment = await environments.build(image, progress)
    except (UnknownImage, BuildFailed) as error:
        raise RunFailed(str(error)) from error
    if environment.warning:
        progress(f"The environment differs from the image: {environment.warning}")
    return environment
