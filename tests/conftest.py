"""What every test shares: the event loop that production runs on. Folders that also run on virtual time say so."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
