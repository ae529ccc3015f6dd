"""What the system refuses a command is a line with the thing, the reason and what helps, never a traceback."""

import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.cli import app
from bullpen.orchestrator.cli.edge import alone, line_of
from bullpen.orchestrator.errors import BadInput, BullpenError


@given(
    number=st.sampled_from(sorted(errno.errorcode)), name=st.text(min_size=1, max_size=20), second=st.none() | st.text()
)
def test_it_is_one_line_that_names_the_thing_the_reason_and_a_mend(number: int, name: str, second: str | None) -> None:
    line = line_of(OSError(number, os.strerror(number), name, None, second))

    assert line.isprintable()
    assert os.strerror(number) in line
    assert "; " in line
    assert not name.isalnum() or not name.isascii() or name in line


def ends(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    def broken() -> None:
        raise error

    monkeypatch.setattr(app, "app", broken)
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/x/y"), 2, "bullpen: '/x/y': Permission denied; give"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "bullpen: No space left on device; make room"),
        (ExceptionGroup("g", [ExceptionGroup("h", [OSError(errno.EROFS, "Read-only", "z")])]), 2, "'z': Read-only"),
        (ExceptionGroup("g", [BadInput("no such thing")]), 2, "bullpen: no such thing"),
        (BullpenError("it failed"), 1, "bullpen: it failed"),
    ],
)
def test_a_command_ends_with_that_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, status: int, said: str
) -> None:
    assert ends(monkeypatch, error) == status
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_a_mistake_of_ours_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends(monkeypatch, ZeroDivisionError()) == 1
    told = capsys.readouterr().err
    assert told.startswith("Traceback") and "ZeroDivisionError" in told


def test_several_errors_are_not_made_one() -> None:
    group = ExceptionGroup("both", [OSError(1, "a"), OSError(2, "b")])

    assert alone(group) is group
    assert alone(ExceptionGroup("one", [group])) is group
