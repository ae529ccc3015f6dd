"""What leaves by standard output and standard error, whoever writes it."""

import io
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import pytest
from rich.live import Live
from rich.markdown import Markdown
from rich.text import Text

from bullpen.orchestrator.cli.door import Door, opened
from bullpen.orchestrator.cli.printing import console, json_of, print_json, print_table

HOSTILE = "a\x1b[2J\x1b]8;;http://evil.invalid\x1b\\b\x9b31m\u202ec\x00\x7f\U000e0041"
SHOWN = "a�[2J�]8;;http://evil.invalid�\\b�31m�c���"


class Terminal(io.StringIO):
    """A terminal with colours, as far as a program can tell."""

    def isatty(self) -> bool:
        return True


@contextmanager
def terminal() -> Iterator[io.StringIO]:
    """One in place of standard output and standard error, with the door before it."""
    screen = Terminal()
    with redirect_stdout(screen), redirect_stderr(screen), opened():
        yield screen


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")


def _raise() -> None:
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        traceback.print_exc()


@pytest.mark.parametrize(
    "write",
    [
        lambda: sys.stdout.write(HOSTILE),
        lambda: sys.stderr.writelines([HOSTILE]),
        lambda: print(HOSTILE),
        _raise,
        lambda: print_table((HOSTILE,), [[HOSTILE]]),
        lambda: console().print(Text(HOSTILE), soft_wrap=True),
        lambda: console(stderr=True).print(HOSTILE, markup=False, soft_wrap=True),
    ],
)
def test_whoever_writes_to_a_terminal_does_not_steer_it(write: Callable[[], object]) -> None:
    with terminal() as screen:
        write()

    assert SHOWN in screen.getvalue().replace("\n", "")
    assert "\x1b[2J" not in screen.getvalue()


def test_what_a_worker_prints_under_a_live_display_is_no_link_and_steers_nothing() -> None:
    with terminal() as screen, Live(console=console(stderr=True), auto_refresh=False, transient=True):
        print("see \x1b]8;;http://evil.invalid\x1b\\here\x1b]8;;\x1b\\ \x9b31m")

    assert "see" in screen.getvalue()
    assert "evil.invalid\x1b" not in screen.getvalue()
    assert "\x9b" not in screen.getvalue()


def test_colours_stay_and_links_in_markdown_do_not() -> None:
    with terminal() as screen:
        console().print(Markdown("**bold** [here](http://evil.invalid)\x9b31m"))

    assert "\x1b[1mbold" in screen.getvalue()
    assert "\x1b]8" not in screen.getvalue()
    assert "\x9b" not in screen.getvalue()


def test_an_error_of_ours_is_told_through_the_door_and_the_streams_are_given_back() -> None:
    with pytest.raises(SystemExit, match="1"):
        with redirect_stderr(Terminal()) as screen, opened():
            raise RuntimeError(HOSTILE)

    assert f"RuntimeError: {SHOWN}" in screen.getvalue()
    assert not isinstance(sys.stderr, Door)


def test_a_character_that_a_terminal_cannot_show_ends_nothing_and_json_stays_json() -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="ascii")
    with redirect_stdout(stream), opened():
        sys.stdout.write("£5 – ok\n")
        print_json({"cost": "£5", "by": "😀"})
        sys.stdout.flush()

    line, _, rest = written.getvalue().partition(b"\n")
    assert line == rb"\xa35 \u2013 ok"
    assert json.loads(rest) == {"cost": "£5", "by": "😀"}
    assert stream.errors == "strict"


def test_json_keeps_its_value() -> None:
    with terminal() as screen:
        print_json({HOSTILE: [HOSTILE]})

    assert json.loads(screen.getvalue()) == json.loads(json_of({HOSTILE: [HOSTILE]})) == {HOSTILE: [HOSTILE]}
    assert "\x9b" not in screen.getvalue()


@pytest.mark.parametrize("encoding", ["ascii", "utf-16", "cp1252", "shift_jis", "utf-7"])
def test_an_output_of_another_encoding_is_written_with_escapes(encoding: str) -> None:
    held = io.BytesIO()
    screen = io.TextIOWrapper(held, encoding, errors="strict")
    with redirect_stdout(screen), opened():
        sys.stdout.write("£ \u2192 \U0001f600 a")
        sys.stdout.flush()

    told = held.getvalue().decode(encoding)
    assert told in (
        "£ \u2192 \U0001f600 a",
        "\\xa3 \\u2192 \\U0001f600 a",
        "£ \\u2192 \\U0001f600 a",
        "£ \u2192 \\U0001f600 a",
    )
    assert screen.errors == "strict"


@pytest.mark.parametrize("closed", [1, 2])
def test_a_command_works_where_an_output_was_closed_before_it_began(closed: int) -> None:
    def close() -> None:
        os.close(closed)

    command = [sys.executable, "-m", "bullpen", "--version"]
    child = subprocess.run(command, preexec_fn=close, capture_output=True, text=True, check=False)

    assert (child.returncode, child.stderr) == (0, "")


def test_json_that_is_printed_has_no_other_words() -> None:
    told = json.loads(json_of({"ratio": float("inf"), "text": "\ud800"}), parse_constant=pytest.fail)

    assert told["ratio"] == "Infinity"
