"""Nothing that is tracked tells of one machine: no paths of it, no registry, no key."""

import re

import pytest

from .tree import ROOT, tracked

#: Written so that this file does not match itself.
PATTERNS = {
    "a path of one machine": re.compile(r"(?<![\w.~-])/(?:[w]ork|[r]oot|[t]mp|[h]ome|[U]sers|[o]pt)/\w"),
    "a registry": re.compile(r"[p]ypi\.org|[p]ythonhosted\.org|[f]ile:///|--[i]ndex-url|--[f]ind-links"),
    "a private key": re.compile(
        r"-----[B]EGIN [A-Z ]*PRIVATE KEY|\b[s]k-(?:proj-|ant-)?[A-Za-z0-9]{20,}|[A]KIA[A-Z0-9]{16}"
    ),
}


@pytest.mark.parametrize("kind", PATTERNS)
def test_no_tracked_file_holds(kind: str) -> None:
    found = [
        f"{path}:{number}: {line.strip()[:120]}"
        for path in tracked()
        if (data := (ROOT / path).read_bytes()) and b"\0" not in data
        for number, line in enumerate(data.decode(errors="replace").splitlines(), 1)
        if PATTERNS[kind].search(line)
    ]

    assert found == []
