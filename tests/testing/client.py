"""A client that believes nothing: what came over the wire, and how it ended."""

import gzip
import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from bullpen.orchestrator.testing.provider import Reply, ScriptedProvider

#: Silence for so long is taken for silence for ever, where silence is expected.
SILENT_S = 0.2


@dataclass(frozen=True)
class Met:
    """One answer. `ended`: `whole`, `reset`, `short` (closed too early) or `silent`; `status` 0 is no status at all."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    ended: str

    @cached_property
    def unpacked(self) -> bytes:
        """The body without its Content-Encoding."""
        return gzip.decompress(self.body) if self.headers.get("Content-Encoding") == "gzip" else self.body

    @cached_property
    def value(self) -> Any:
        """The body as JSON."""
        return json.loads(self.unpacked)

    @cached_property
    def events(self) -> list[str]:
        """The data of the events of a stream, as they are written."""
        blocks = self.unpacked.decode().split("\n\n")
        return [block.removeprefix("data: ") for block in blocks if block.startswith("data: ")]

    @property
    def is_stream(self) -> bool:
        """Whether it says of itself that it is one."""
        return self.headers.get("Content-Type", "").startswith("text/event-stream")

    @cached_property
    def chunks(self) -> list[Any]:
        """The JSON of every event but [DONE]; of a plain answer its one body."""
        return [json.loads(event) for event in self.events if event != "[DONE]"] if self.is_stream else [self.value]

    @cached_property
    def parts(self) -> list[dict[str, Any]]:
        """The message, or its deltas."""
        choices = [choice for chunk in self.chunks for choice in chunk["choices"]]
        return [choice["delta"] if self.is_stream else choice["message"] for choice in choices]

    @cached_property
    def text(self) -> str:
        """The content, put together."""
        return "".join(part.get("content") or "" for part in self.parts)

    @cached_property
    def finish(self) -> str | None:
        """The last finish reason there is."""
        found = [choice["finish_reason"] for chunk in self.chunks for choice in chunk["choices"]]
        return next((reason for reason in reversed(found) if reason), None)

    @cached_property
    def arguments(self) -> str:
        """The arguments of its tool calls, put together."""
        made = [call for part in self.parts for call in part.get("tool_calls", ())]
        return "".join(call["function"].get("arguments", "") for call in made)

    @cached_property
    def usage(self) -> Any:
        """The last token counts there are."""
        return next((chunk["usage"] for chunk in reversed(self.chunks) if chunk.get("usage")), None)


def ask(
    url: str,
    *,
    path: str = "/chat/completions",
    say: str = "hello",
    key: str = "",
    timeout_s: float = 10.0,
    silent_s: float | None = None,
    context: ssl.SSLContext | None = None,
    **body: Any,
) -> Met:
    """Send one request and read all there is to read; `silent_s` is the patience once the headers are there."""
    address = urlsplit(url)
    assert address.hostname
    connection = (
        http.client.HTTPSConnection(address.hostname, address.port, timeout=timeout_s, context=context)
        if context
        else http.client.HTTPConnection(address.hostname, address.port, timeout=timeout_s)
    )
    given = {"model": "small", "messages": [{"role": "user", "content": say}], **body}
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        connection.request("POST", address.path + path, json.dumps(given), headers)
        reading = connection.sock
        response = connection.getresponse()
        reading.settimeout(silent_s or timeout_s)
    except TimeoutError:
        return Met(0, {}, b"", "silent")
    except ConnectionError as error:
        return Met(0, {}, b"", "short" if isinstance(error, http.client.RemoteDisconnected) else "reset")
    else:
        content, ended = _content(response)
        return Met(response.status, dict(response.headers), content, ended)
    finally:
        connection.close()


def _content(response: http.client.HTTPResponse) -> tuple[bytes, str]:
    content = bytearray()
    wanted = int(response.headers["Content-Length"]) if "Content-Length" in response.headers else None
    try:
        while piece := response.read1(1024 * 1024):
            content += piece
    except TimeoutError:
        return bytes(content), "silent"
    except ConnectionResetError:
        return bytes(content), "reset"
    except http.client.IncompleteRead:
        return bytes(content), "short"
    return bytes(content), "whole" if wanted in (None, len(content)) else "short"


def meet(reply: Reply, **body: Any) -> Met:
    """What a client meets whose provider gives this reply."""
    with ScriptedProvider([reply]) as provider:
        return ask(provider.url, **body)
