"""Real time and trio's virtual time, on which nothing ever waits."""

from typing import Any

import pytest

from bullpen.orchestrator.testing.contracts import BACKENDS, backend


@pytest.fixture(params=BACKENDS)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return backend(request.param)
