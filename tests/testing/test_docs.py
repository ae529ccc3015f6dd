"""What docs/fake-provider.md shows, works."""

import re
import subprocess
import sys
from pathlib import Path

from bullpen.orchestrator.cli.app import app
from bullpen.orchestrator.testing.provider import ScriptedProvider
from bullpen.orchestrator.testing.provider.faults import FAULTS
from bullpen.orchestrator.testing.provider.faults_address import ADDRESSES
from bullpen.orchestrator.testing.provider.file import load_script

from .client import ask

TEXT = (Path(__file__).parents[2] / "docs" / "fake-provider.md").read_text(encoding="utf-8")


def code(language: str, holding: str) -> str:
    (found,) = [block for block in re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL) if holding in block]
    return str(found)


def test_the_script_file(tmp_path: Path) -> None:
    (tmp_path / "script.toml").write_text(code("toml", "[[rule]]"))
    with ScriptedProvider(load_script(tmp_path / "script.toml")) as provider:
        revoked = [ask(provider.url, model="gpt-4.1").status for _ in range(4)]
        limited, said = (ask(provider.url, say="Say it in three words.") for _ in range(2))

    assert revoked == [200, 200, 401, 401]
    assert (limited.status, limited.headers["Retry-After"]) == (429, "2")
    assert (said.text, said.finish) == ("one two three", "length")


def test_the_fixture_in_a_test(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(code("python", "pytest_plugins"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "test_mine.py"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "1 passed" in ended.stdout


def test_going_through_faults() -> None:
    names: dict[str, object] = {}
    exec(code("python", "FAULTS"), names)
    with ScriptedProvider(names["script"]) as provider:  # type: ignore[arg-type]
        met = [ask(provider.url, stream=True) for _ in range(6)]

    assert [(len(one.events), one.ended) for one in met[:5]] == [(chunks, "reset") for chunks in range(5)]
    assert met[5].text == "one two three four"


def test_the_commands_and_names_exist() -> None:
    command = next(one for one in app.registered_commands if one.callback and one.callback.__name__ == "fake_provider")
    assert command.callback
    options = set(re.findall(r"--([a-z-]+)", code("sh", "fake-provider")))
    table = re.findall(r"`([a-z_0-9]+)`", TEXT[TEXT.index("| About") : TEXT.index("What is wrong with an address")])
    addresses = re.findall(r"`([a-z_]+)`", TEXT[TEXT.index("opens for a while") : TEXT.index("certificates. ")])

    assert options == {"port", "answer", "fault", "script", "list"}
    assert [name for name in table if name not in FAULTS] == []
    assert set(addresses) == set(ADDRESSES)
