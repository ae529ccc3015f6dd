"""Nothing is opened, made, listed or deleted round the door to files, but where this says why."""

import ast
from collections.abc import Iterator

from .tree import ROOT, in_rooms

DOOR = "orchestrator/regular_files.py"
#: Which is no part of a job: what it opens, a person has named.
KIT = "orchestrator/testing/"
#: By module, the calls that go round it, and why each may.
MAY = {
    "memory/chroma.py": ({"rglob"}, "the store's own folder, which the door has looked at"),
    "memory/database.py": ({"sqlite3.connect"}, "right after the door has opened the file; and one in memory alone"),
    "memory/salvage.py": ({"sqlite3.connect"}, "a file that the database has opened by the door, and found damaged"),
    "memory/minilm_chroma.py": ({"tarfile.open"}, "a model's archive in the user's cache, whose hash is known"),
    "memory/safetensors.py": ({"path.open"}, "a model's weights, which may be links in the user's cache"),
    "orchestrator/cli/door.py": ({"open"}, "/dev/null, in place of an output that was closed"),
    "orchestrator/cli/memory_keep.py": ({"rglob"}, "sizes in the memory's folder, which is open; nothing is read"),
    "orchestrator/control/place.py": ({"tempfile.mkdtemp"}, "a folder that nobody else gets into, for a socket"),
    "orchestrator/gateway/templates.py": ({"rglob"}, "the workers' own packages, which may be links; read by the door"),
    "orchestrator/ingest.py": ({"rglob"}, "how many files a corpus has; none is read"),
    "orchestrator/journal/disk.py": (
        {"os.open", "read_text"},
        "a folder, to have what it names on the disk; /proc/self/mounts",
    ),
    "orchestrator/made_of.py": ({"read_bytes"}, "the code that runs, which Python has read before"),
    "tools/finding.py": ({"os.walk"}, "a corpus: what leads out of it is not read, and that is said"),
    "tools/parse.py": ({"os.open"}, "/dev/null"),
    "tools/reading.py": (
        {"os.open", "open"},
        "a corpus: links within it are followed, and regular files alone are read",
    ),
    "tools/stamp.py": ({"glob", "read_bytes"}, "the package's own code"),
}
#: Methods of a path; `open` is told by its arguments, since much else is opened.
_METHODS = ("read_text", "read_bytes", "write_text", "write_bytes", "glob", "rglob", "iterdir", "mkdir", "touch")
_FUNCTIONS = {
    "os": ("open", "listdir", "scandir", "walk", "fwalk", "mkdir", "makedirs", "removedirs"),
    "shutil": ("rmtree", "copy", "copy2", "copyfile", "copytree", "move"),
    "sqlite3": ("connect",),
    **dict.fromkeys(("io", "gzip", "bz2", "lzma", "tarfile", "codecs"), ("open",)),
    "tempfile": ("mkdtemp", "mkstemp", "NamedTemporaryFile", "TemporaryDirectory"),
}
_OF_OPEN = {"mode", "buffering", "encoding", "errors", "newline"}


def ways_round(source: str) -> Iterator[tuple[int, str]]:
    """Each call past the door: its line, and what is called."""
    tree = ast.parse(source)
    awaited = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Await)}
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="open")):
                yield node.lineno, "open"
            case ast.Call(func=ast.Name(id="FileIO") | ast.Attribute(attr="FileIO")) if not _is_by_door(node):
                yield node.lineno, "FileIO"
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name)) if name in _FUNCTIONS.get(
                module, ()
            ):
                yield node.lineno, f"{module}.{name}"
            case ast.Call(func=ast.Attribute(attr=name)) if name in _METHODS:
                yield node.lineno, name
            case ast.Call(func=ast.Attribute(attr="open")) if id(node) not in awaited and _may_be_of_a_path(node):
                yield node.lineno, "path.open"
            case ast.ImportFrom(module=str(module), names=names):
                taken = [each.name for each in names if each.name in _FUNCTIONS.get(module, ())]
                yield from ((node.lineno, f"{module}.{name}") for name in taken)


def _is_by_door(call: ast.Call) -> bool:
    """Whether its file is a handle that the door has given."""
    match call.args:
        case [ast.Call(func=ast.Name(id="open_regular")), *_]:
            return True
    return False


def _may_be_of_a_path(call: ast.Call) -> bool:
    return len(call.args) < 2 and all(word.arg in _OF_OPEN for word in call.keywords)


def test_no_module_goes_round_the_door_but_those_with_a_reason() -> None:
    paths = [path for path in in_rooms() if path.suffix == ".py" and not str(path).startswith((DOOR, KIT))]
    found = {(str(path), call) for path in paths for _, call in ways_round((ROOT / path).read_text(encoding="utf-8"))}

    assert found == {(path, call) for path, (calls, _) in MAY.items() for call in calls}


def test_each_way_round_is_seen_and_the_door_is_none() -> None:
    ways = (
        *("open(x)", "open(x, 'w')", "x.open()", "x.open('rb')", "x.open(mode='w')", "with x.open(how) as f: pass"),
        *(f"x.{name}(y)" for name in _METHODS),
        *(f"{module}.{name}(x)" for module, names in _FUNCTIONS.items() for name in names),
        *(f"from {module} import {name}" for module, names in _FUNCTIONS.items() for name in names),
        *("FileIO(x)", "io.FileIO(x, 'w')"),
    )
    none = (
        *("open_regular(x)", "FileIO(open_regular(x), 'w')", "await x.open()", "x.open(n, capacity=1)", "os.close(x)"),
        *("os.fdopen(open_regular(x), 'rb')", "read_regular(x)", "make_folder(x)", "x.exists()"),
    )

    assert {way: len(list(ways_round(way))) for way in ways} == dict.fromkeys(ways, 1)
    assert [way for way in none if list(ways_round(way))] == []
