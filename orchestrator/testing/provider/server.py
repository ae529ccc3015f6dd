"""The server that plays a script."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any

from aiohttp import web
from anyio.from_thread import start_blocking_portal

from ...ids import digest
from .around import Late
from .embeds import Embeds
from .http import Sent, play
from .script import Answer, Script, answers
from .tls import Tls, self_signed
from .wire import CHAT, EMBEDDINGS, Asked

#: The largest request it reads, in bytes.
REQUEST_BYTES_MOST = 64 * 1024 * 1024
#: A connection that the system has accepted is known to the server after so many turns of the loop, at most.
_TURNS_TO_ACCEPT = 8


class ScriptedProvider:
    """An OpenAI-compatible server on 127.0.0.1: chat completions, plain and streamed, embeddings and models.

    `script` answers chats; embeddings have a script of their own. It lists its `model`, or those that are `listed`.
    `tls` serves https with a self-signed certificate, or with one that is also out of date. Every answer is `latency_s`
    later than the script says. `heard` is called with each request once it is over, in the server's thread. Entering
    raises OSError where the port is taken.
    """

    def __init__(
        self,
        script: Script = None,
        *,
        model: str = "scripted",
        listed: Sequence[str] = (),
        embeddings: Script = None,
        tls: Tls = False,
        port: int = 0,
        latency_s: float = 0.0,
        heard: Callable[[Asked], None] | None = None,
    ) -> None:
        self._answers: dict[str, Answer] = {CHAT: answers(script)}
        self._answers[EMBEDDINGS] = answers(embeddings) if embeddings is not None else lambda _: Embeds()
        self._model, self._port, self._latency_s, self._heard = model, port, latency_s, heard
        self._listed = tuple(listed) or (model,)
        self._tls = self_signed(expired=tls == "expired") if tls else None
        self._asked: list[Asked] = []
        self._news, self._is_stopping = threading.Condition(), False
        self._started_s = time.monotonic()
        self._open = ExitStack()
        #: `http://127.0.0.1:PORT/v1`
        self.url = ""
        #: The certificate in PEM, for clients that shall trust it; empty without TLS.
        self.certificate = self._tls.certificate if self._tls else ""

    @property
    def asked(self) -> list[Asked]:
        """Every chat and embeddings request so far, in the order of arrival: a copy, safe to read from any thread."""
        with self._news:
            return [*self._asked]

    def count(self, *, model: str | None = None, path: str | None = None) -> int:
        """How many requests there were, to this model and to a path that ends so."""
        return sum(model in (None, asked.model) and (path is None or asked.path.endswith(path)) for asked in self.asked)

    def wait_idle(self, timeout_s: float = 5.0) -> list[Asked]:
        """`asked`, once no answer is under way any more. Raises TimeoutError where one still is."""
        with self._news:
            if not self._news.wait_for(lambda: all(asked.is_over for asked in self._asked), timeout_s):
                raise TimeoutError(f"an answer is still under way after {timeout_s:g} s")
            return [*self._asked]

    def __enter__(self) -> "ScriptedProvider":
        with ExitStack() as opened:
            portal = opened.enter_context(start_blocking_portal(name="scripted provider"))
            self.url = opened.enter_context(portal.wrap_async_context_manager(self._serving()))
            self._open = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[str]:
        app = web.Application(client_max_size=REQUEST_BYTES_MOST)
        for path in (CHAT, EMBEDDINGS):
            app.router.add_post(path, self._answer)
        app.router.add_get("/v1/models", self._models)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        listening = socket.create_server(("127.0.0.1", self._port))
        await runner.setup()
        try:
            context = self._tls.context if self._tls else None
            await web.SockSite(runner, listening, ssl_context=context).start()
            yield f"http{'s' * bool(context)}://127.0.0.1:{runner.addresses[0][1]}/v1"
        finally:
            self._is_stopping = True
            await _part_from_all(runner, listening)
            await runner.cleanup()

    async def _models(self, request: web.Request) -> web.Response:
        data = [{"id": name, "object": "model"} for name in self._listed]
        return web.json_response({"object": "list", "data": data})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = _object(await request.read())
        if body is None:
            return web.json_response({"error": {"message": "the body is not a JSON object"}}, status=400)
        asked = self._note(request, body)
        sent, has_left = Sent(), False
        try:
            reply = Late(self._answers[request.path](asked), self._latency_s)
            return await play(reply.wire(asked), request, sent)
        except ConnectionError:
            has_left = not self._is_stopping
            return web.Response()  # which nobody is there to read
        except asyncio.CancelledError:
            has_left = not self._is_stopping
            raise
        finally:
            self._settle(asked, sent, has_left=has_left)

    def _note(self, request: web.Request, body: dict[str, Any]) -> Asked:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        model = body.get("model") if isinstance(body.get("model"), str) else None
        with self._news:
            asked = Asked(
                path=request.path,
                body=body,
                key_hash=digest(key)[:8] if key else "",
                number=len(self._asked) + 1,
                model=model or self._model,
                arrived_s=time.monotonic() - self._started_s,
            )
            self._asked.append(asked)
        return asked

    def _settle(self, asked: Asked, sent: Sent, *, has_left: bool) -> None:
        over = replace(
            asked,
            is_over=True,
            status=sent.status,
            bytes_sent=sent.bytes,
            chunks_sent=sent.chunks,
            closed_early=has_left,
        )
        with self._news:
            self._asked[asked.number - 1] = over
            self._news.notify_all()
        if self._heard is not None:
            self._heard(over)


async def _part_from_all(runner: web.AppRunner, listening: socket.socket) -> None:
    """End every connection now: a client that does not read would be waited for."""
    # asyncio loses a connection whose server is closed between accepting it and knowing it: accept no more, then know.
    asyncio.get_running_loop().remove_reader(listening)
    for _ in range(_TURNS_TO_ACCEPT):
        await asyncio.sleep(0)
    for connection in runner.server.connections if runner.server else ():
        if connection.transport is not None:
            connection.transport.abort()


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
