"""A provider for tests, over real HTTP: it says what a script tells it to and keeps what it was asked.

Runs in a thread of its own, so that any client can use it: asyncio, threads, other processes.

    >>> from bullpen.orchestrator.testing.provider import Fails, Says, ScriptedProvider
    >>> with ScriptedProvider([Fails(429, retry_after_s=2), Says("hello")]) as provider:
    ...     provider.url.startswith("http://127.0.0.1:")
    True

The script is a list of replies, given in order, or a function from the request's JSON body to a reply. When a list is
used up the answer is HTTP 500, which says so.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from aiohttp import web

from ..ids import digest


@dataclass(frozen=True, slots=True)
class Says:
    """An answer. `usage=False` leaves the token counts out; `model` is the id returned (default: the one asked for)."""

    text: str | None
    tokens_in: int = 10
    tokens_out: int = 5
    finish_reason: str | None = "stop"
    model: str | None = None
    refusal: str | None = None
    usage: bool = True
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Fails:
    """An HTTP error, with the body an OpenAI-compatible server would send."""

    status: int
    message: str = "scripted failure"
    retry_after_s: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Raw:
    """Any bytes at all; `cut` closes the connection before they are complete."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    delay_s: float = 0.0


Reply = Says | Fails | Raw


def says_json(value: Any, **options: Any) -> Says:
    """An answer that is this value as JSON."""
    return Says(json.dumps(value, ensure_ascii=False), **options)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its JSON body, and of its key only the first 8 digits of its SHA-256 (empty without a key)."""

    path: str
    body: dict[str, Any]
    key_hash: str

    @property
    def text(self) -> str:
        """The contents of its messages, one after the other."""
        return "\n".join(str(message.get("content", "")) for message in self.body.get("messages", ()))


class ScriptedProvider:
    """An OpenAI-compatible server on 127.0.0.1: `/v1/chat/completions`, plain and streamed, and `/v1/models`."""

    def __init__(self, script: Iterable[Reply] | Callable[[dict[str, Any]], Reply], *, model: str = "scripted") -> None:
        self._script = script if callable(script) else iter(tuple(script))
        self._model = model
        #: Every request in the order of arrival.
        self.asked: list[Asked] = []
        #: `http://127.0.0.1:PORT/v1`
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="scripted provider", daemon=True)
        self._started, self._stop = threading.Event(), asyncio.Event()

    def __enter__(self) -> "ScriptedProvider":
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    def _serve(self) -> None:
        self._loop.run_until_complete(self._until_stopped())

    async def _until_stopped(self) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._answer)
        app.router.add_get("/v1/models", self._models)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        self._started.set()
        await self._stop.wait()
        await runner.cleanup()
        # Answers that are still being delayed: nobody waits for them any more.
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": self._model, "object": "model"}]})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        key = request.headers.get("Authorization", "")
        self.asked.append(Asked(request.path, body, digest(key.removeprefix("Bearer "))[:8] if key else ""))
        reply = self._next(body)
        await asyncio.sleep(reply.delay_s)
        match reply:
            case Raw():
                return await _raw(request, reply)
            case Fails():
                return _failure(reply)
            case Says() if body.get("stream"):
                return await self._streamed(request, reply, body)
            case Says():
                return web.json_response(self._completion(reply, body))

    def _next(self, body: dict[str, Any]) -> Reply:
        if callable(self._script):
            return self._script(body)
        return next(self._script, Fails(500, f"the script has no reply for request {len(self.asked)}"))

    def _completion(self, reply: Says, body: dict[str, Any]) -> dict[str, Any]:
        message = {"role": "assistant", "content": reply.text, "refusal": reply.refusal}
        choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": reply.finish_reason}
        usage: dict[str, Any] = {"usage": _usage(reply)} if reply.usage else {}
        return {**self._head("chat.completion", reply, body), "choices": [choice], **usage}

    def _head(self, kind: str, reply: Says, body: dict[str, Any]) -> dict[str, Any]:
        model = reply.model or body.get("model", self._model)
        return {"id": f"chatcmpl-{len(self.asked)}", "object": kind, "created": 1_700_000_000, "model": model}

    async def _streamed(self, request: web.Request, reply: Says, body: dict[str, Any]) -> web.StreamResponse:
        """Server-sent events: a chunk per word, the finish reason, the usage when it was asked for, [DONE]."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        head = self._head("chat.completion.chunk", reply, body)
        deltas = [{"content": word} for word in (reply.text or "").split(" ")]
        choices: list[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        choices.append({"index": 0, "delta": {}, "finish_reason": reply.finish_reason})
        chunks = [{**head, "choices": [choice]} for choice in choices]
        if body.get("stream_options", {}).get("include_usage"):
            chunks.append({**head, "choices": [], "usage": _usage(reply)})
        for chunk in chunks:
            await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response


def _usage(reply: Says) -> dict[str, int]:
    total = reply.tokens_in + reply.tokens_out
    return {"prompt_tokens": reply.tokens_in, "completion_tokens": reply.tokens_out, "total_tokens": total}


def _failure(reply: Fails) -> web.Response:
    wait = {"Retry-After": f"{reply.retry_after_s:g}"} if reply.retry_after_s is not None else {}
    error = {"message": reply.message, "type": "scripted", "code": reply.status}
    return web.json_response({"error": error}, status=reply.status, headers={**wait, **reply.headers})


async def _raw(request: web.Request, reply: Raw) -> web.StreamResponse:
    headers = {"Content-Type": reply.content_type, **reply.headers}
    if not reply.cut:
        return web.Response(body=reply.body, status=reply.status, headers=headers)
    response = web.StreamResponse(
        status=reply.status, headers={**headers, "Content-Length": str(len(reply.body) + 1000)}
    )
    await response.prepare(request)
    await response.write(reply.body)
    assert request.transport is not None
    request.transport.abort()
    return response
