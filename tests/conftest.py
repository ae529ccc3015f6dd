"""What every test stands on: asyncio, and no way out of this machine."""

import ipaddress
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

import hypothesis  # it asks the collector who refers to what, and LiteLLM's lane freezes that
import pytest

#: Timing belongs in benchmarks: a busy machine must not fail an example.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


class OutboundConnection(AssertionError):
    """A test tried to reach another machine."""


_is_on_guard = threading.Event()


def _refuse(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook: raises for an address that is neither on this machine nor known to be nowhere."""
    if not event.startswith("socket.") or not _is_on_guard.is_set():
        return
    match event, args:
        case ("socket.getaddrinfo" | "socket.gethostbyname", [host, *_]):
            pass
        case ("socket.connect" | "socket.sendto", [_, [host, *_]]):  # a Unix socket's address is not a tuple
            pass
        case _:
            return
    name = host.decode() if isinstance(host, bytes) else host
    if name and not _is_local(str(name)):
        raise OutboundConnection(f"{event} {name!r}: tests talk to this machine only; use ScriptedProvider")


def _is_local(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".invalid")  # RFC 2606: no such name can exist


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run what is slow by nature, too: see docs/testing.md")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: too much for every run; a smaller sample of the same is not marked")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without `--slow`, what is marked so is left out, and counted as deselected."""
    if config.getoption("--slow"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in set(slow)]


@pytest.fixture(autouse=True, scope="session")
def no_way_out() -> Iterator[None]:
    """Every connection that would leave this machine fails, for as long as tests run."""
    sys.addaudithook(_refuse)
    _is_on_guard.set()
    yield
    _is_on_guard.clear()


@pytest.fixture(autouse=True)
def words_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory ranks by words, whatever weights this machine happens to have: the same answers everywhere."""
    monkeypatch.setenv("BULLPEN_MINILM_DIR", "off")


@pytest.fixture(autouse=True)
def trusted(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests make their own folders, and what they say counts; no word of theirs is kept on this machine."""
    monkeypatch.setenv("BULLPEN_TRUST", "1")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(autouse=True)
def no_error_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A defect that the product survives and logs fails its test; one that is meant is cleared from `caplog`."""
    yield
    errors = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    ours = [record.getMessage() for record in errors if record.name == "bullpen"]
    assert not ours, ours


@pytest.fixture
def anyio_backend() -> str:
    """Tests with sockets or threads run on asyncio; those that need a virtual clock say so themselves."""
    return "asyncio"
