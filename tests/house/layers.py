"""Which module may import which: rooms, and the floors inside `orchestrator`. Reads source with `ast`, imports nothing.

A module is named by its path without the suffix, as a tuple: `("orchestrator", "rules", "plan")`; a package by its
folder; the front door by `()`. An import counts wherever it stands: in a function, under TYPE_CHECKING, or as a string
constant given to `import_module`.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

Module = tuple[str, ...]

#: A room, and the other rooms that it may import.
ROOMS: Mapping[str, frozenset[str]] = {
    "agents": frozenset({"memory", "tools", "orchestrator"}),
    "memory": frozenset({"orchestrator"}),
    "tools": frozenset({"orchestrator"}),
    "orchestrator": frozenset(),
}

WORDS = frozenset(
    {
        *(
            "errors",
            "annotations",
            "codec",
            "text",
            "clock",
            "ids",
            "envelope",
            "evidence",
            "failpoint",
            "metadata",
            "lookup",
            "limits",
            "settings",
            "ports",
        ),
        *("regular_files", "restricted", "trust"),
    }
)

#: The floors inside `orchestrator`, from the ground: each imports only those before it. Units of one floor do not know
#: each other, but for words, which may import each other without cycles.
FLOORS: tuple[frozenset[str], ...] = (
    WORDS,
    frozenset({"rules"}),
    frozenset({"journal", "channel", "virtual_time"}),
    frozenset({"gateway", "doors", "log"}),
    frozenset({"control"}),
    frozenset({"worker", "order", "ingest"}),
    frozenset({"frames"}),
    frozenset({"dispatch"}),
    frozenset({"finish"}),
    frozenset({"job"}),
    frozenset({"team"}),
    frozenset({"launched", "made_of", "left"}),
    frozenset({"system"}),
    frozenset({"evaluation", "testing", "replay"}),
    frozenset({"cli", "server"}),
)
FLOOR_OF: Mapping[str, int] = {unit: number for number, floor in enumerate(FLOORS) for unit in floor}

#: Files of the package that stand in no room: the front door, which may import anything.
FRONT = ("__init__.py", "__main__.py")


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """One import, or one module, that breaks a rule; `line` counts from 1."""

    file: str
    line: int
    target: str
    rule: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.target}: {self.rule}"


@dataclass(frozen=True, slots=True)
class Import:
    """One module that a file names: `target` is None where it is none of ours."""

    line: int
    written: str
    target: Module | None
    absolute: bool


def violations(root: Path) -> list[Violation]:
    """Every broken rule in the package at `root`, by file and line."""
    files = _files(root)
    found: list[Violation] = []
    edges: dict[Module, set[Module]] = {module: set() for module in files}
    for module, file in files.items():
        name = file.relative_to(root).as_posix()
        found += [Violation(name, 1, _dotted(module), rule) for rule in _misplaced(module)]
        for item in _imports(file, module, files):
            target = item.target
            found += [Violation(name, item.line, item.written, rule) for rule in _broken(module, item, files)]
            if target in files and target != module:
                edges[module].add(target)
    return sorted([*found, *_cycles(edges, {module: file.relative_to(root) for module, file in files.items()})])


def _files(root: Path) -> dict[Module, Path]:
    rooms = [path for room in ROOMS for path in sorted((root / room).rglob("*.py"))]
    front = [root / name for name in FRONT if (root / name).exists()]
    return {_module(path.relative_to(root)): path for path in (*front, *rooms)}


def _module(path: Path) -> Module:
    parts = path.with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def _dotted(module: Module) -> str:
    return ".".join(module) or "bullpen"


# ---------------------------------------------------------------- what a file names


def _imports(file: Path, module: Module, known: Iterable[Module]) -> Iterator[Import]:
    package = module if file.name == "__init__.py" else module[:-1]
    modules = frozenset(known)
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield _resolve(node.lineno, alias.name, package)
            case ast.ImportFrom(module=base, names=names, level=level):
                for alias in names:
                    yield _from(node.lineno, "." * level + (base or ""), alias.name, package, modules)
            case ast.Call() if (name := _imported_by_call(node)) is not None:
                yield _resolve(node.lineno, name, package)


def _from(line: int, base: str, name: str, package: Module, modules: frozenset[Module]) -> Import:
    """`from base import name`: the submodule of that name where there is one, else the module it is taken from."""
    longer = _resolve(line, base + name if base.endswith(".") else f"{base}.{name}", package)
    return longer if longer.target in modules else _resolve(line, base, package, written=longer.written)


def _imported_by_call(call: ast.Call) -> str | None:
    """The string constant given to `import_module` or `__import__`, by position or by name."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if function not in ("import_module", "__import__"):
        return None
    given = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "name")]
    return next((arg.value for arg in given if isinstance(arg, ast.Constant) and isinstance(arg.value, str)), None)


def _resolve(line: int, name: str, package: Module, *, written: str = "") -> Import:
    """A dotted name as a module of ours; a relative one counts from `package`."""
    path = name.lstrip(".")
    dots = len(name) - len(path)
    parts = tuple(part for part in path.split(".") if part)
    if dots:
        up = dots - 1
        target = (*package[: len(package) - up], *parts) if up <= len(package) else ("..", *parts)
        return Import(line, written or name, target, absolute=False)
    if parts[0] == "bullpen":
        return Import(line, written or name, parts[1:], absolute=True)
    return Import(line, written or name, parts if parts[0] in ROOMS else None, absolute=parts[0] in ROOMS)


# ---------------------------------------------------------------- what is allowed


def _misplaced(module: Module) -> Iterator[str]:
    if module[:1] == ("orchestrator",) and len(module) > 1 and module[1] not in FLOOR_OF:
        yield f"stands on no floor; put {module[1]!r} on one in tests/house/layers.py"


def _broken(module: Module, item: Import, known: Mapping[Module, Path]) -> Iterator[str]:
    target = item.target
    if target is None:
        return
    if item.absolute:
        yield "imported by its full name; inside the package imports are relative"
    if target not in known:
        yield "there is no such module"
    elif module and module[0] in ROOMS:
        yield from _room_broken(module, target)


def _room_broken(module: Module, target: Module) -> Iterator[str]:
    room = module[0]
    if not target or target[0] not in ROOMS:
        yield f"the front door is for users; {room} imports rooms"
    elif target[0] != room:
        if target[0] not in ROOMS[room]:
            yield f"{room} does not know {target[0]}"
    elif room == "orchestrator":
        yield from _floor_broken(module, target)


def _floor_broken(module: Module, target: Module) -> Iterator[str]:
    if len(module) == 1:
        yield "the door of orchestrator imports nothing, so that no floor pulls in another"
        return
    mine, other = module[1], (target[1] if len(target) > 1 else "")
    if mine == other or not other or mine not in FLOOR_OF or other not in FLOOR_OF:
        return  # its own unit; the empty door; or misplaced, which is said once, where the module stands
    if FLOOR_OF[other] > FLOOR_OF[mine]:
        yield f"{mine} stands below {other}"
    elif FLOOR_OF[other] == FLOOR_OF[mine] and mine not in WORDS:
        yield f"{mine} and {other} share a floor and do not know each other"


def _cycles(edges: Mapping[Module, set[Module]], files: Mapping[Module, Path]) -> list[Violation]:
    """The first cycle there is, named at its first file; mending it shows the next."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        # graphlib lists each module before the one that imports it.
        loop: list[Module] = error.args[1][::-1]
        way = " → ".join(map(_dotted, loop))
        return [Violation(files[loop[0]].as_posix(), 1, _dotted(loop[1]), f"modules import each other: {way}")]
    return []
