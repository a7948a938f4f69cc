"""A client that costs little, so that the server is measured: a socket, and a signature a request."""

from __future__ import annotations

import json
import select
import socket
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


class Refused(Exception):
    """The server answered with another status than 2xx."""


class Lean:
    """One kept connection; not for several threads."""

    def __init__(self, url: str, key: str = "", secret: str = "", region: str = "us-east-1") -> None:
        self.url = url
        self._address = (urlsplit(url).hostname, urlsplit(url).port)
        self._credentials = Credentials(key, secret) if key else None
        self._region = region
        self._socket: socket.socket | None = None
        self._unread = b""

    def states(self, operation: str, **params: Any) -> Any:
        """An operation of Step Functions; gives its output."""
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"AWSStepFunctions.{operation}",
        }
        return json.loads(self.post("/", json.dumps(params).encode(), service="states", headers=headers))

    def post(self, path: str, content: bytes, *, service: str, headers: dict[str, str]) -> bytes:
        """The content of the answer. Raises Refused."""
        request = AWSRequest("POST", self.url + path, data=content, headers=headers)
        if self._credentials is not None:
            SigV4Auth(self._credentials, service, self._region).add_auth(request)
        lines = [f"POST {path} HTTP/1.1", "Host: {}:{}".format(*self._address)]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        lines += [f"Content-Length: {len(content)}", "", ""]
        status, answer = self._exchange("\r\n".join(lines).encode() + content)
        if not 200 <= status < 300:
            raise Refused(f"{status}: {answer[:500]!r}")
        return answer

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exchange(self, message: bytes) -> tuple[int, bytes]:
        if self._socket is not None and select.select([self._socket], [], [], 0)[0]:
            # nothing is due on an idle connection: the server has closed it
            self.close()
        if self._socket is None:
            self._socket = socket.create_connection(self._address)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._unread = b""
        self._socket.sendall(message)
        head = self._until(b"\r\n\r\n").decode("latin-1").lower()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        content = b""
        if "content-length" in fields:
            content = self._exactly(int(fields["content-length"]))
        elif fields.get("transfer-encoding") == "chunked":
            while size := int(self._until(b"\r\n"), 16):
                content += self._exactly(size)
                self._until(b"\r\n")
            self._until(b"\r\n")
        if fields.get("connection") == "close" or head.startswith("http/1.0"):
            self.close()
        return int(head.split(" ", 2)[1]), content

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._unread:
            self._more()
        found, _, self._unread = self._unread.partition(mark)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._unread) < size:
            self._more()
        found, self._unread = self._unread[:size], self._unread[size:]
        return found

    def _more(self) -> None:
        assert self._socket is not None
        piece = self._socket.recv(1 << 16)
        if not piece:
            raise ConnectionError("the server closed the connection")
        self._unread += piece
