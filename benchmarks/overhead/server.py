"""A deterministic, very cheap server of OpenAI-compatible chat completions.

One process, one event loop, a raw `asyncio.Protocol` with httptools: a call costs the *server* tens of microseconds of
CPU, so that the client under test is always the bottleneck. Run it pinned to its own core:

    taskset -c 1 python server.py --port 8900 --latency-ms 0

`POST /v1/chat/completions` answers JSON, or server-sent events where `stream` is true; `GET /stats` says how many calls
there were, by role, and what they cost in CPU seconds; `POST /latency?ms=N` changes the fixed latency.

The content depends only on the *last* `[[role:NAME]]` marker and the *last* `<<<payload>>>` in the messages (`job.reply`).
A framework may wrap the prompt as it likes and the answer does not change. Where the request asks for structured output
or forces a tool, the text is put in the first string property of the schema.
"""

import argparse
import asyncio
import os
import resource
import time
from dataclasses import dataclass, field

import httptools
import orjson
import uvloop
from job import parse_prompt, reply


@dataclass
class State:
    """What the server has seen since it started; latency in seconds."""

    latency: float = 0.0
    calls: int = 0
    inflight: int = 0
    peak_inflight: int = 0
    by_role: dict[str, int] = field(default_factory=dict)
    bytes_in: int = 0
    connections: int = 0


S = State()
LOOP: asyncio.AbstractEventLoop


def _flatten(messages: list[dict]) -> str:
    """All message text, oldest first, as one string."""
    out = []
    for m in messages:
        c = m.get("content")
        if isinstance(c, str):
            out.append(c)
        elif isinstance(c, list):
            out.extend(p.get("text", "") for p in c if isinstance(p, dict))
    return "\n".join(out)


def _fill(schema: dict, text: str) -> str:
    """Smallest JSON object for a flat schema: first string property gets the text."""
    props = schema.get("properties", {})
    obj, done = {}, False
    for k, v in props.items():
        t = v.get("type")
        if t == "string":
            obj[k], done = ("" if done else text), True
        elif t in ("integer", "number"):
            obj[k] = 0
        elif t == "array":
            obj[k] = text.split("\n") if not done else []
            done = True
        elif t == "boolean":
            obj[k] = False
    return orjson.dumps(obj).decode()


def answer(body: bytes) -> tuple[bytes, bool]:
    """Request body -> (response body, is_stream)."""
    req = orjson.loads(body)
    role, payload = parse_prompt(_flatten(req["messages"]))
    text = reply(role, payload)
    S.by_role[role] = S.by_role.get(role, 0) + 1
    S.calls += 1
    msg: dict = {"role": "assistant", "content": text}
    finish = "stop"
    tc = req.get("tool_choice")
    if isinstance(tc, dict) and tc.get("type") == "function":
        name = tc["function"]["name"]
        params = next(t["function"]["parameters"] for t in req["tools"] if t["function"]["name"] == name)
        msg = {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": f"call_{S.calls}",
                    "type": "function",
                    "function": {"name": name, "arguments": _fill(params, text)},
                }
            ],
        }
        finish = "tool_calls"
    else:
        rf = req.get("response_format")
        if isinstance(rf, dict) and rf.get("type") == "json_schema":
            msg["content"] = _fill(rf["json_schema"]["schema"], text)
    pt, ct = len(body) // 4, len(text) // 4
    usage = {"prompt_tokens": pt, "completion_tokens": ct, "total_tokens": pt + ct}
    base = {"id": f"chatcmpl-{S.calls}", "created": 1_700_000_000, "model": req.get("model", "gpt-4o-mini")}
    if req.get("stream"):
        c1 = {**base, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": msg, "finish_reason": None}]}
        c2 = {
            **base,
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": {}, "finish_reason": finish}],
        }
        c3 = {**base, "object": "chat.completion.chunk", "choices": [], "usage": usage}
        return b"".join(b"data: " + orjson.dumps(c) + b"\n\n" for c in (c1, c2, c3)) + b"data: [DONE]\n\n", True
    return orjson.dumps(
        {
            **base,
            "object": "chat.completion",
            "usage": usage,
            "choices": [{"index": 0, "message": msg, "finish_reason": finish, "logprobs": None}],
        }
    ), False


def stats() -> bytes:
    ru = resource.getrusage(resource.RUSAGE_SELF)
    return orjson.dumps(
        {
            "calls": S.calls,
            "by_role": S.by_role,
            "cpu_s": ru.ru_utime + ru.ru_stime,
            "peak_inflight": S.peak_inflight,
            "latency_ms": S.latency * 1e3,
            "bytes_in": S.bytes_in,
            "connections": S.connections,
            "pid": os.getpid(),
        }
    )


class Conn(asyncio.Protocol):
    __slots__ = ("body", "parser", "tr", "url")

    def connection_made(self, tr) -> None:
        self.tr = tr
        S.connections += 1
        self.parser = httptools.HttpRequestParser(self)
        self.url, self.body = b"", []

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.tr.close()

    # httptools callbacks
    def on_message_begin(self) -> None:
        self.url, self.body = b"", []

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_body(self, b: bytes) -> None:
        self.body.append(b)

    def on_message_complete(self) -> None:
        url = self.url
        if url.endswith(b"/chat/completions"):
            S.inflight += 1
            if S.inflight > S.peak_inflight:
                S.peak_inflight = S.inflight
            body = b"".join(self.body)
            S.bytes_in += len(body)
            if S.latency:
                LOOP.call_later(S.latency, self._finish, body)
            else:
                self._finish(body)
        elif url == b"/stats":
            self._send(stats())
            if self.body:  # POST /stats resets the peak
                S.peak_inflight = S.inflight
        elif url.startswith(b"/latency?ms="):
            S.latency = float(url.partition(b"=")[2]) / 1e3
            S.peak_inflight = S.inflight
            self._send(stats())
        else:
            self._send(b'{"error":{"message":"no such path %s"}}' % url, status=b"404 Not Found")

    def _finish(self, body: bytes) -> None:
        S.inflight -= 1
        try:
            out, stream = answer(body)
        except Exception as e:  # a bad request is the client's bug: say so
            self._send(orjson.dumps({"error": {"message": repr(e)}}), status=b"400 Bad Request")
            return
        self._send(out, ctype=b"text/event-stream" if stream else b"application/json")

    def _send(self, body: bytes, status: bytes = b"200 OK", ctype: bytes = b"application/json") -> None:
        if not self.tr.is_closing():
            self.tr.write(
                b"HTTP/1.1 %b\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (status, ctype, len(body), body)
            )


async def main() -> None:
    global LOOP
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--port", type=int, default=8900)
    ap.add_argument("--latency-ms", type=float, default=0.0)
    a = ap.parse_args()
    S.latency = a.latency_ms / 1e3
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    LOOP = asyncio.get_running_loop()
    srv = await LOOP.create_server(Conn, "127.0.0.1", a.port, backlog=8192)
    print(f"ready {a.port} {time.time():.0f}", flush=True)
    async with srv:
        await srv.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
