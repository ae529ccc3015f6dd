"""A line of a document as it is shown: without targets of links and marks of a markup, on one line. Pure."""

import re
import textwrap
from collections.abc import Sequence
from itertools import pairwise, zip_longest

from .blocks import is_border

#: Characters of an address that are shown; of a longer one, its server.
ADDRESS_MOST = 40

_ROLE = r":(?P<role>[a-z]+(?:[:-][a-z]+)*):`[~!]?(?P<said>[^`<\n]*?)\s*(?:<(?P<to>[^<>`]+)>)?`"
_ADDRESS = r"<?(?P<address>https?://(?P<server>[^\s/<>\"')\]]+)[^\s<>\"'`]*?)>?(?=[.,;:)\]]*(?:[\s<>\"'`]|$))"
_SHOWN = (
    (re.compile(r"(?m)^\s*>+ ?"), ""),
    (re.compile(r"!?\[([^\]\n]*)\]\((?:[^()\s]|\([^()\s]*\))*(?:\s+\"[^\"]*\")?\)"), r"\1"),
    (re.compile(r"\[([^\]\n]+)\]\[[^\]\n]*\]"), r"\1"),
    (re.compile(r"(?<!`)`([^`<\n]+(?:\n[^`<\n]+)?)\s*<[^<>`]+>`__?"), r"\1"),
    (re.compile(r"\s?\[[#\w*-]{1,20}\]_(?!\w)|\[\^\w{1,20}\]"), ""),
    (re.compile(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`__?(?!\w)"), r"\1"),
    (re.compile(r"(?<![\w`.+-])([^\W_](?:[\w.+-]*[^\W_])?)__?(?![\w`])"), r"\1"),
    (re.compile(r"``(.+?)``", re.DOTALL), r"`\1`"),
    (re.compile(r"([^\W\d_])-\n\s*(?=[^\W\d_])"), r"\1-"),
    (re.compile(r"::\s*$"), ":"),
)
#: What most lines have nothing of.
_MARKED = re.compile(r"[`_\[>]|://|::|-\n")
#: With what a cell begins in a row of a table that is a list of lists.
_CELL = re.compile(r"(?m)^[ \t]*(?:[*+-][ \t]+)?-(?:[ \t]|$)")
_ROLES = re.compile(_ROLE)
_ADDRESSES = re.compile(_ADDRESS)
#: Roles whose number is nothing without their name.
_SERIES = ("pep", "rfc")


def cleaned(text: str) -> str:
    """Prose, an item or a row of a table; what is nothing but marks and targets stays as it is."""
    return " ".join(_stripped(text).split()) or " ".join(text.split())


def _stripped(text: str) -> str:
    if not _MARKED.search(text):
        return text
    if "`" in text:
        text = _ROLES.sub(_role, text)
    for pattern, kept in _SHOWN:
        text = pattern.sub(kept, text)
    return _ADDRESSES.sub(_address, text)


def code(text: str, indent: int) -> str:
    """Code as it stands, without what all of it is indented by; its first row lacks `indent` blanks."""
    return textwrap.dedent(" " * indent + text.expandtabs()).rstrip()


def cells(rows: Sequence[str], columns: Sequence[int] = ()) -> str:
    """A row of a table, written on one row or more, as its cells; these begin at `columns`, or are parted by `|`."""
    parted = [[line[a:b] for a, b in pairwise([*columns, len(line) + 1])] if columns else _piped(line) for line in rows]
    return " | ".join(
        cleaned("\n".join(filter(None, map(str.strip, cell)))) for cell in zip_longest(*parted, fillvalue="")
    )


def listed(text: str) -> str:
    """A row of a table that is written as a list of its cells, itself an item of a list."""
    return " | ".join(map(cleaned, _CELL.split(text)[1:]))


def _piped(line: str) -> list[str]:
    return line.strip().strip("|").split("|") if not is_border(line) else []


def _role(found: re.Match[str]) -> str:
    said, to = found["said"], found["to"] or ""
    if to and said:
        return said
    words = (to or said).partition("#")[0]
    return f"{found['role'].upper()} {words}" if found["role"] in _SERIES else words


def _address(found: re.Match[str]) -> str:
    address = found["address"]
    return address if len(address) <= ADDRESS_MOST else f"{found['server']}/…"
