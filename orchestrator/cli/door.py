"""The one way out to a terminal, a pipe or a log: what goes through it cannot steer them.

While `opened()` lasts, `sys.stdout` and `sys.stderr` are doors, so that nothing that is written there goes round: not a
command's line, not the message of a library, a warning or a traceback. Colours and the cursor belong to
`printing.console` alone, which makes each piece of text printable before it adds them. Keys do not leave either: those
of the environment, and those that a command has named to `hide`.
"""

import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from ..rules.redaction import forms_of, keys_in, redacted
from ..text import printable

_hidden: set[str] = set()


def hide(secrets: Iterable[str]) -> None:
    """From now on these do not leave, as long as the door is open."""
    _hidden.update(secrets)


def told(text: str) -> str:
    """The text as it leaves: printable, without secrets."""
    return printable(forms_of(_hidden).without(text))


def kept_back(value: Any) -> Any:
    """Plain JSON as it leaves: without secrets, and otherwise the same."""
    return redacted(value, forms_of(_hidden)) if _hidden else value


class Door:
    """A text stream before another one: what is written leaves as `told`. Everything else is the other's."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Pass it on; the number of its characters."""
        return self.stream.write(told(text))

    def writelines(self, lines: Iterable[str]) -> None:
        """Pass each on."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def opened() -> Iterator[None]:
    """Standard output and standard error pass through doors; a character that their encoding lacks is an escape.

    Where a process was started without one of them, nobody reads what is written there.
    """
    before = sys.stdout, sys.stderr
    hide(keys_in(os.environ))
    with open(os.devnull, "w", encoding="utf-8") as nobody:
        streams = [cast(TextIO | None, stream) or nobody for stream in before]
        errors = [_set_errors(stream, "backslashreplace") for stream in streams]
        sys.stdout, sys.stderr = (cast(TextIO, Door(stream)) for stream in streams)
        try:
            yield
        except Exception:  # its traceback is told while the door stands
            traceback.print_exc()
            raise SystemExit(1) from None
        finally:
            sys.stdout, sys.stderr = before
            _hidden.clear()
            for stream, was in zip(streams, errors, strict=True):
                _set_errors(stream, was)


def _set_errors(stream: TextIO, errors: str | None) -> str | None:
    """What is done with characters that the stream's encoding lacks, and what was done before."""
    was, reconfigure = stream.errors, getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=errors)
    return was
