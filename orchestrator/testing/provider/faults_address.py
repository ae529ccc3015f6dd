"""Addresses where something is wrong before anything is said: no such name, nobody there, no answer, no trust.

>>> with ADDRESSES["refused"].opened() as url:
...     url.startswith("http://127.0.0.1:")
True
"""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

from .server import ScriptedProvider
from .tls import Tls

#: Connections to a black hole that are begun so that the next one finds no room.
_IN_THE_WAY = 4


@dataclass(frozen=True, slots=True)
class Address:
    """A faulty address; `opened` gives its URL for as long as it is entered. `rows` are those of the fault matrix."""

    name: str
    about: str
    rows: tuple[int, ...]
    opened: Callable[[], AbstractContextManager[str]]


@contextmanager
def unknown_host() -> Iterator[str]:
    """A name that no resolver may know. Source: RFC 2606 §2."""
    yield "http://provider.invalid/v1"


@contextmanager
def refused() -> Iterator[str]:
    """A port that is taken but not listened to: connecting is refused, and nobody else can take it meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


@contextmanager
def black_hole() -> Iterator[str]:
    """A port that does not even refuse: its queue is full, so that the kernel drops what knocks. Linux."""
    with ExitStack() as opened:
        listening = opened.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(_IN_THE_WAY):
            knocking = opened.enter_context(socket.socket())
            knocking.setblocking(False)
            knocking.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"


def _https(tls: Tls) -> Callable[[], AbstractContextManager[str]]:
    @contextmanager
    def opened() -> Iterator[str]:
        with ScriptedProvider(tls=tls) as provider:
            yield provider.url

    return opened


_ALL = (
    Address("unknown_host", "the name of the server does not exist", (10,), unknown_host),
    Address("refused", "nobody listens at the port", (11,), refused),
    Address("black_hole", "connecting is neither accepted nor refused", (12,), black_hole),
    Address("self_signed", "https with a certificate that nobody has vouched for", (13,), _https(True)),
    Address("expired", "https with a self-signed certificate that is out of date", (13,), _https("expired")),
)
ADDRESSES: Mapping[str, Address] = {address.name: address for address in _ALL}
