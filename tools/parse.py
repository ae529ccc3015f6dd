"""What runs in the child process: reads documents from its input, parses each, writes the replies (see `child`)."""

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any, BinaryIO

from ..orchestrator.text import clean, has_words, shorten
from .child import OUT_OF_MEMORY, Limits, Parsed, Unparsed

#: The module that parses each ending: its `parse(data, limits)` returns Parsed or raises.
_PARSERS = {".html": "parse_html", ".htm": "parse_html", ".pdf": "parse_pdf", ".docx": "parse_docx"}
#: Characters of a metadata value; a document's own fields are short, and a longer one is cut.
_VALUE_MAX = 2_000
#: How lxml says that memory ran out, by its error's name and code; in words it says "unknown error".
_XML_NO_MEMORY = ("XMLSyntaxError", 2)
#: What a parser has no business with.
_REFUSED = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "webbrowser.")


def main() -> None:
    """Answers requests until the input ends."""
    limits = Limits(*json.loads(sys.argv[1]))
    requests, replies = sys.stdin.buffer, _replies()
    _limit_memory(limits.memory)
    sys.addaudithook(_refuse)
    while head := requests.readline():
        kind, size = head.split()
        _limit_processor(limits.seconds)
        try:
            reply = json.dumps(_reply(kind.decode(), requests.read(int(size)), limits)).encode()
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        replies.write(len(reply).to_bytes(8, "big") + reply)
        replies.flush()


def _replies() -> BinaryIO:
    """Where replies go; what a library prints goes nowhere."""
    replies = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    return replies


def _limit_memory(most: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    _, allowed = resource.getrlimit(resource.RLIMIT_AS)
    most = most if allowed == resource.RLIM_INFINITY else min(most, allowed)
    with suppress(ValueError, OSError):  # macOS has the limit and does not let it be set
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _limit_processor(seconds: float) -> None:
    """The parent kills at the limit; where the parent itself was killed, the system does so soon after."""
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + seconds) + 2, most))


def _refuse(event: str, _: tuple[Any, ...]) -> None:
    if event.startswith(_REFUSED):
        raise PermissionError(f"a parser may not use {event}")


def _reply(kind: str, data: bytes, limits: Limits) -> dict[str, Any]:
    parse: Callable[[bytes, Limits], Parsed] = import_module(f".{_PARSERS[kind]}", __package__).parse
    try:
        parsed = parse(data, limits)
        return _bounded(parsed, limits)
    except Unparsed as error:
        return {"reason": shorten(str(error))}
    except MemoryError:
        raise
    except RecursionError:
        return {"reason": "nested too deep"}
    except Exception as error:  # libraries raise all kinds of errors for damaged documents
        if (type(error).__name__, getattr(error, "code", None)) == _XML_NO_MEMORY:
            raise MemoryError from error
        return {"reason": shorten(f"damaged: {error or type(error).__name__}")}


def _bounded(parsed: Parsed, limits: Limits) -> dict[str, Any]:
    if len(parsed.text) > limits.characters:
        raise Unparsed(f"its text has {len(parsed.text)} characters; at most {limits.characters} are read, so split it")
    title = shorten(parsed.title) if has_words(parsed.title) else ""
    metadata = {name: _short(value) for name, value in parsed.metadata.items() if value not in (None, "", [])}
    return {"text": clean(parsed.text), "title": title, "metadata": metadata}


def _short(value: Any) -> Any:
    return clean(value.strip()[:_VALUE_MAX]) if isinstance(value, str) else value


if __name__ == "__main__":
    main()
