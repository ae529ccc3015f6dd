"""A pytest plugin, for whoever asks for it: `pytest_plugins = ["bullpen.orchestrator.testing.fixtures"]`."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest

from .provider import Script, ScriptedProvider


class StartProvider(Protocol):
    """Starts a provider that stops when the test ends; takes what `ScriptedProvider` takes."""

    def __call__(self, script: Script = None, **options: Any) -> ScriptedProvider:
        """A provider that listens."""


@pytest.fixture
def scripted_provider() -> Iterator[StartProvider]:
    """`scripted_provider([Fails(429), Says("hello")]).url` is the address of a provider that answers so."""
    with ExitStack() as running:

        def start(script: Script = None, **options: Any) -> ScriptedProvider:
            return running.enter_context(ScriptedProvider(script, **options))

        yield start
