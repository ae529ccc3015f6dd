"""The shape of the code: short functions, files of one idea, nothing empty, nothing left for later."""

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

from .tree import ROOT, in_rooms

FUNCTION_MEDIAN, FUNCTION_MOST, FILE_MOST = 12, 60, 400

MODULES = [path for path in in_rooms() if path.suffix == ".py"]


def _functions() -> Iterator[tuple[str, int]]:
    """Each function's place, and the lines of its body without the docstring, nested functions included."""
    for path in MODULES:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path}:{node.lineno} {node.name}", _lines(node)


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def _tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), str(path))


def test_the_typical_function_is_short() -> None:
    assert statistics.median(lines for _, lines in _functions()) <= FUNCTION_MEDIAN


def test_no_function_is_longer_than_a_screen_or_two() -> None:
    assert [(place, lines) for place, lines in _functions() if lines > FUNCTION_MOST] == []


def test_no_file_holds_more_than_one_idea_can_fill() -> None:
    sizes = {str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in MODULES}

    assert {path: lines for path, lines in sizes.items() if lines > FILE_MOST} == {}


def test_no_module_is_empty() -> None:
    """A module with nothing but a docstring is a place kept for later; only the doors of packages may be that."""
    named = [path for path in MODULES if path.name != "__init__.py"]

    assert [str(path) for path in named if len(_tree(path).body) <= bool(ast.get_docstring(_tree(path)))] == []


def test_nothing_is_left_for_later() -> None:
    left = re.compile(r"\b(?:TODO|FIXME|XXX)\b")

    assert [str(path) for path in in_rooms() if left.search((ROOT / path).read_text(encoding="utf-8"))] == []
