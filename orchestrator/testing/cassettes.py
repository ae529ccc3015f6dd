"""A pytest plugin: the fixture `cassette` names a file of recorded answers for each test. See docs/cassettes.md.

Turn it on with `pytest_plugins = ["bullpen.orchestrator.testing.cassettes"]` in the topmost conftest.py.
"""

import re
from pathlib import Path

import pytest


@pytest.fixture
def cassette(request: pytest.FixtureRequest) -> Path:
    """The file for this test's answers, in `cassettes/` beside the test's own file: give it to a rung as `cassette`."""
    name = "-".join((request.path.stem, *request.node.nodeid.split("::")[1:]))
    return request.path.parent / "cassettes" / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', name)}.json"
