"""One captured invocation as SageMaker's Model Monitor reads it: a line of JSON, and the file it belongs to.

SageMaker Developer Guide, "Capture data from real-time endpoint"; the API's CaptureContentTypeHeader says
which bodies are kept as text.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from stepwell.services.sagemaker.data_capture import DataCapture
from stepwell.services.sagemaker.s3_uris import below

#: what a body without a content type may be taken for (RFC 9110 §8.3)
UNKNOWN = "application/octet-stream"
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """A request and the model's answer to it."""

    #: unique
    event_id: str
    #: when it was answered, in seconds since the epoch
    moment: float
    #: content types, None where there was no such header
    sent_as: str | None
    sent: bytes
    answered_as: str | None
    answered: bytes
    #: InferenceId and CustomAttributes of the request
    inference_id: str | None = None
    attributes: str | None = None


def line(invocation: Invocation, capture: DataCapture) -> bytes:
    """The invocation as a line of a capture file, its end included."""
    data = {}
    if capture.input:
        data["endpointInput"] = _part("INPUT", invocation.sent_as, invocation.sent, capture)
    if capture.output:
        data["endpointOutput"] = _part("OUTPUT", invocation.answered_as, invocation.answered, capture)
    moment = datetime.fromtimestamp(invocation.moment, UTC)
    about: dict[str, str | list[str]] = {"eventId": invocation.event_id}
    if invocation.attributes is not None:
        about["customAttributes"] = [invocation.attributes]
    if invocation.inference_id is not None:
        about["inferenceId"] = invocation.inference_id
    about["inferenceTime"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return _encode({"captureData": data, "eventMetadata": about, "eventVersion": "0"}) + b"\n"


def _part(mode: str, content_type: str | None, body: bytes, capture: DataCapture) -> dict[str, str]:
    observed = content_type or UNKNOWN
    text, encoding = encoded(body, observed, capture)
    return {"observedContentType": observed, "mode": mode, "data": text, "encoding": encoding}


def encoded(body: bytes, content_type: str, capture: DataCapture) -> tuple[str, str]:
    """A body as text, and its `encoding`: CSV or JSON for the configured content types, else BASE64."""
    bare = content_type.partition(";")[0].strip().lower()
    for encoding, types in (("CSV", capture.csv), ("JSON", capture.json)):
        if bare in types:
            try:
                return body.decode(), encoding
            except UnicodeDecodeError:
                break
    return base64.b64encode(body).decode(), "BASE64"


def file_uri(destination: str, endpoint: str, variant: str, moment: float, unique: str) -> str:
    """The object of the file that begins at `moment`: `DESTINATION/ENDPOINT/VARIANT/YYYY/MM/DD/HH/NAME`."""
    when = datetime.fromtimestamp(moment, UTC)
    name = f"{when:%M-%S}-{when.microsecond // 1000:03d}-{unique}.jsonl"
    return below(destination, endpoint, variant, f"{when:%Y/%m/%d/%H}", name)
