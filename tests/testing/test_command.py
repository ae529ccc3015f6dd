"""`bullpen fake-provider`, as a user has it."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bullpen.orchestrator.cli.fake_provider import choose_script, list_all
from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.testing.provider import Asked, Script, ScriptedProvider
from bullpen.orchestrator.testing.provider.faults import FAULTS

from .client import Met, ask

COMMAND = [sys.executable, "-P", "-m", "bullpen", "fake-provider"]


@contextmanager
def running(*options: str) -> Iterator[tuple[str, Callable[[], list[str]]]]:
    """The command's address, and what stops it as Ctrl-C does and gives what it has printed."""
    given = {**os.environ, "PYTHONUTF8": "1"}
    with subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, text=True, env=given) as process:
        assert process.stdout
        greeting = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/v1", greeting)
        assert found, greeting

        def stopped() -> list[str]:
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read() if process.stdout else ""
            assert process.wait(timeout=10) == 0
            return [greeting.rstrip("\n"), *rest.splitlines()]

        try:
            yield found[0], stopped
        finally:
            process.kill()


def test_it_answers_until_it_is_interrupted_and_prints_a_line_for_each_request() -> None:
    with running("--answer", "forty-two", "--model", "mine") as (url, stopped):
        met = ask(url, say="What is it?")
        lines = stopped()

    assert met.text == "forty-two"
    assert lines[0] == f"listening at {url}; Ctrl-C ends it"
    assert f"export OPENAI_BASE_URL={url}" in lines[1]
    assert re.fullmatch(rf"  curl {url}/chat/completions .*", lines[2])
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d #1 /v1/chat/completions small plain → 200, \d+ bytes in 1 chunks  “What is it\?”", lines[3]
    )
    assert lines[4:] == ["1 requests"]


def test_with_json_each_line_is_an_object() -> None:
    with running("--json", "--fault", "cut_mid_stream") as (url, stopped):
        met = ask(url, stream=True, key="sk-secret-of-mine")
        greeting, request = map(json.loads, stopped())

    assert met.ended == "reset"
    assert greeting == {"url": url, "model": "scripted"}
    assert (request["status"], request["chunks_sent"], request["streams"]) == (200, 2, True)
    assert request["body"]["messages"] == [{"role": "user", "content": "hello"}]
    assert "secret" not in str(request)


def test_the_curl_line_that_is_printed_asks_for_what_is_served() -> None:
    with running("--model", "mine") as (url, stopped):
        _, address, _, header, _, body = shlex.split(stopped()[2])

    assert (address, header) == (f"{url}/chat/completions", "Content-Type: application/json")
    assert json.loads(body) == {"model": "mine", "messages": [{"role": "user", "content": "hello"}]}


def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, timeout=30, check=False)

    assert ended.returncode == 1
    assert f"port {port} cannot be used" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


# ---------------------------------------------------------------- without a process


def met_with(script: Script) -> Met:
    with ScriptedProvider(script) as provider:
        return ask(provider.url)


def test_what_is_answered(tmp_path: Path) -> None:
    (tmp_path / "script.toml").write_text("reply = [{ says = 'from a file' }]")

    assert met_with(choose_script(tmp_path / "script.toml", None, None)).text == "from a file"
    assert met_with(choose_script(None, "always", None)).text == "always"
    assert met_with(choose_script(None, None, "unavailable")).status == 503
    assert met_with(choose_script(None, None, None)).text == "You said: hello"


@pytest.mark.parametrize(
    ("wishes", "says"),
    [
        ((None, "a", "drip"), "--answer and --fault each say what to answer"),
        ((None, None, "rate_limit"), "did you mean rate_limited"),
        ((None, None, "zzzz"), "--list shows all"),
        ((None, None, "black_hole"), "a fault of an address"),
        ((Path("nowhere.toml"), None, None), "cannot be read"),
    ],
)
def test_a_wish_that_cannot_be_met_is_bad_input(wishes: tuple[Path | None, str | None, str | None], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        choose_script(*wishes)


def test_every_fault_is_listed_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    list_all(as_json=False)
    lines = capsys.readouterr().out.splitlines()
    list_all(as_json=True)
    rows = json.loads(capsys.readouterr().out)

    assert [line.split()[0] for line in lines] == [row["name"] for row in rows] == [*FAULTS]
    assert [row["rows"] for row in rows] == [[*fault.rows] for fault in FAULTS.values()]
    assert "(streamed only)" in next(line for line in lines if line.startswith("stall "))


def test_what_a_model_is_called_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    from bullpen.orchestrator.cli.fake_provider import _as_line

    asked = Asked("/v1/chat/completions", {"messages": [{"content": "\x1b[2J"}]}, "", model="\x1b]0;x\x07")

    assert "\x1b" not in _as_line(asked)
