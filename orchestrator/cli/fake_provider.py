"""`bullpen fake-provider`: a provider for tests, as a command."""

import json
import os
import sys
import threading
import time
from contextlib import ExitStack, suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..errors import BadInput, Unavailable
from ..testing.provider import Asked, Says, Script, ScriptedProvider
from ..testing.provider.faults import FAULTS, Fault
from ..testing.provider.faults_address import ADDRESSES
from ..testing.provider.file import load_script
from ..text import shorten
from .printing import json_of, print_json


def list_all(*, as_json: bool) -> None:
    """Every fault that has a name, with one line each."""
    rows = [
        {"name": fault.name, "about": fault.about, "rows": fault.rows, "requests": _requests(fault)}
        for fault in FAULTS.values()
    ]
    if as_json:
        print_json(rows)
        return
    widest = max(map(len, FAULTS))
    for row in rows:
        only = "" if row["requests"] == "plain and streamed" else f" ({row['requests']} only)"
        sys.stdout.write(f"{row['name']:{widest}}  {row['about']}{only}\n")


def _requests(fault: Fault) -> str:
    return " and ".join(name for name, meets in (("plain", fault.plain), ("streamed", fault.stream)) if meets)


def choose_script(script: Path | None, answer: str | None, fault: str | None) -> Script:
    """What the provider answers. Raises BadInput for more than one wish, or for a fault that has no name."""
    wishes = {"--script": script, "--answer": answer, "--fault": fault}
    given = [name for name, value in wishes.items() if value is not None]
    if len(given) > 1:
        raise BadInput(f"{' and '.join(given)} each say what to answer; give one of them")
    if script is not None:
        return load_script(script)
    if answer is not None:
        return lambda body: Says(answer)
    if fault is not None:
        chosen = _fault(fault)
        return lambda body: chosen.reply()
    return None


def _fault(name: str) -> Fault:
    if name in FAULTS:
        return FAULTS[name]
    if name in ADDRESSES:
        raise BadInput(
            f"{name!r} is a fault of an address, for tests in Python: testing.provider.faults_address has it"
        )
    near = get_close_matches(name, FAULTS, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "--list shows all"
    raise BadInput(f"there is no fault {name!r}; {hint}")


def run_provider(script: Script, *, port: int, model: str, latency_ms: float, as_json: bool) -> None:
    """Listen until Ctrl-C, a line for each request that is over. Raises Unavailable where the port is taken."""
    lines = _Lines(as_json=as_json)
    provider = ScriptedProvider(script, model=model, port=port, latency_s=latency_ms / 1000, heard=lines.hear)
    with ExitStack() as running:
        try:
            running.enter_context(provider)
        except OSError as error:
            why = f"port {port} cannot be used: {os.strerror(error.errno or 0).lower()}"
            raise Unavailable(f"{why}; --port 0 takes a free one") from error
        with suppress(KeyboardInterrupt):
            lines.greet(provider.url, model)
            threading.Event().wait()
    lines.leave(provider)


class _Lines:
    """What is printed: on standard output, so that it can be piped."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def greet(self, url: str, model: str) -> None:
        """The address and how to use it."""
        if self._as_json:
            self._say(json_of({"url": url, "model": model}))
            return
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}]})
        using = f"export OPENAI_BASE_URL={url} OPENAI_API_KEY=none"
        curl = f"curl {url}/chat/completions -H 'Content-Type: application/json' -d '{body}'"
        self._say(f"listening at {url}; Ctrl-C ends it\n  {using}\n  {curl}")

    def hear(self, asked: Asked) -> None:
        """One request that is over."""
        self._say(json_of(_as_json(asked)) if self._as_json else _as_line(asked))

    def leave(self, provider: ScriptedProvider) -> None:
        """How much there was."""
        if not self._as_json:
            self._say(f"{provider.count()} requests")

    def _say(self, line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def _as_json(asked: Asked) -> dict[str, Any]:
    names = ("number", "path", "model", "streams", "key_hash", "status", "bytes_sent", "chunks_sent", "closed_early")
    return {
        **{name: getattr(asked, name) for name in names},
        "arrived_s": round(asked.arrived_s, 3),
        "body": asked.body,
    }


def _as_line(asked: Asked) -> str:
    kind = "stream" if asked.streams else "plain"
    sent = f"{asked.status or 'no status'}, {asked.bytes_sent} bytes in {asked.chunks_sent} chunks"
    early = ", the client left early" if asked.closed_early else ""
    said = shorten(asked.text.rpartition("\n")[2], 60)
    when = time.strftime("%H:%M:%S")
    return f"{when} #{asked.number} {asked.path} {shorten(asked.model, 40)} {kind} → {sent}{early}  “{said}”"
