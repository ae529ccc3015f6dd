"""Nothing that is printed goes round the door of the command line: no module has another way out."""

import ast
from collections.abc import Iterator

from .tree import ROOT, in_rooms

#: The modules that are the door, and those of the testing kit, which are no part of a job.
DOOR = ("orchestrator/cli/door.py", "orchestrator/cli/printing.py")
KIT = "orchestrator/testing/"


def ways_round(source: str, *, is_cli: bool) -> Iterator[str]:
    """What a module writes with that is not the door, by line."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(attr="__stdout__" | "__stderr__"):
                yield f"{node.lineno}: sys.{node.attr}"
            case ast.Attribute(
                value=ast.Attribute(value=ast.Name(id="sys"), attr="stdout" | "stderr"),
                attr="buffer" | "fileno" | "stream",
            ):
                yield f"{node.lineno}: .{node.attr} of a standard stream"
            case ast.Attribute(value=ast.Name(id="sys"), attr="stdout" | "stderr") if not is_cli:
                yield f"{node.lineno}: sys.{node.attr} outside the command line"
            case ast.Call(func=ast.Name(id="Console" | "print" | "echo") | ast.Attribute(attr="Console" | "echo")):
                yield f"{node.lineno}: {ast.unparse(node.func)}()"
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="os"), attr="write"), args=[ast.Constant(value=1 | 2), said]
            ):
                if not isinstance(said, ast.Constant):
                    yield f"{node.lineno}: os.write"


def test_no_module_has_another_way_out() -> None:
    paths = [path for path in in_rooms() if path.suffix == ".py" and not str(path).startswith(KIT)]
    found = {
        f"{path}:{way}"
        for path in paths
        if str(path) not in DOOR
        for way in ways_round((ROOT / path).read_text(encoding="utf-8"), is_cli="cli" in path.parts)
    }

    assert found == set()


def test_a_way_round_is_seen() -> None:
    ways = (
        "sys.__stdout__.write(x)",
        "sys.stdout.buffer.write(x)",
        "Console()",
        "print(x)",
        "typer.echo(x)",
        "os.write(2, x)",
    )

    assert [len(list(ways_round(way, is_cli=True))) for way in ways] == [1] * len(ways)
    assert list(ways_round("sys.stderr.write(x)", is_cli=False))
    assert not list(ways_round("sys.stderr.write(x)\nos.write(2, b'x')", is_cli=True))
