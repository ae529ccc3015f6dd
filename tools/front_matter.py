"""Finds what a text says about itself before it begins: a YAML or TOML block, or header fields. Pure; never raises.

The block stays in the text, since quotes count from the text's start. A block that is broken is just text.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from .plain import plain

#: Characters of a text in which its front matter must end.
_START = 2**16

_BLOCKS = (
    ("yaml", re.compile(r"---[ \t]*\r?\n(?P<block>.*?)^(?:---|\.\.\.)[ \t]*\r?(?:\n|\Z)", re.DOTALL | re.MULTILINE)),
    ("toml", re.compile(r"\+\+\+[ \t]*\r?\n(?P<block>.*?)^\+\+\+[ \t]*\r?(?:\n|\Z)", re.DOTALL | re.MULTILINE)),
    ("fence", re.compile(r"```toml[ \t]*\r?\n(?P<block>.*?)^```[ \t]*\r?(?:\n|\Z)", re.DOTALL | re.MULTILINE)),
)
_FIELD = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9_-]{0,63}):(?:[ \t]+(?P<value>\S.*?))?[ \t]*")


class FrontMatter(NamedTuple):
    """The fields, JSON-plain and under lower-case names, and the offset at which the text itself begins."""

    fields: dict[str, Any]
    end: int


NONE = FrontMatter({}, 0)


def front_matter(text: str, *, blocks: bool = True) -> FrontMatter:
    """What stands at the very start of a text; `blocks` says whether YAML and TOML are looked for (as in Markdown)."""
    start = text[:_START]
    for kind, pattern in _BLOCKS if blocks else ():
        if found := pattern.match(start):
            fields = _parse(kind, found["block"])
            return FrontMatter(fields, found.end()) if fields else NONE
    return _header(start, len(start) == len(text))


def _parse(kind: str, block: str) -> dict[str, Any]:
    """The fields of a block; none where it is broken."""
    try:
        found = _yaml(block) if kind == "yaml" else tomllib.loads(block.replace("\r\n", "\n"))
        if not isinstance(found, dict):
            return {}
        return _named(plain(_flat(found) if kind == "fence" else found))
    except Exception:  # for a false tag, `!!int x`, PyYAML raises whatever int() and its friends do
        return {}


def _named(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields by lower-case names with underscores; the first of two that become one stays."""
    named: dict[str, Any] = {}
    for name, value in fields.items():
        named.setdefault(name.lower().replace("-", "_"), value)
    return named


def _flat(sections: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of all sections in one mapping: `advisory.id` is `id`, and `versions_id` where that is taken."""
    flat = {name: value for name, value in sections.items() if not isinstance(value, dict)}
    for section, fields in sections.items():
        for name, value in fields.items() if isinstance(fields, dict) else ():
            flat[f"{section}_{name}" if name in flat else name] = value
    return flat


# Header fields, as messages and PEPs have


def _header(start: str, is_whole: bool) -> FrontMatter:
    """At least two lines `Name: value`, continued on indented lines, and then an empty line or the end."""
    fields: list[tuple[str, list[str]]] = []
    offset = 0
    for line in start.splitlines(keepends=True):
        offset += len(line)
        words = line.strip()
        if not words:
            return _fields(fields, offset)
        if line[0] in " \t" and fields:
            fields[-1][1].append(words)
        elif found := _FIELD.fullmatch(line.rstrip("\r\n")):
            fields.append((found["name"], [found["value"]] if found["value"] else []))
        else:
            return NONE
    return _fields(fields, offset) if is_whole else NONE


def _fields(fields: list[tuple[str, list[str]]], end: int) -> FrontMatter:
    if len(fields) < 2:
        return NONE
    several: dict[str, list[str]] = {}
    for name, lines in fields:
        several.setdefault(name.lower().replace("-", "_"), []).append(" ".join(lines))
    return FrontMatter(plain({name: ", ".join(values) for name, values in several.items()}), end)


# YAML


def _yaml(block: str) -> Any:
    import yaml

    return yaml.load(block, Loader=_loader())  # noqa: S506  # a SafeLoader, and less


@cache
def _loader() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Safe YAML without references (a few lines of which can name billions of values), true to what is written."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("a reference")
            return super().compose_node(parent, index)

    for kind in ("bool", "int", "float"):
        Loader.add_constructor(
            f"tag:yaml.org,2002:{kind}", _as_written(getattr(yaml.SafeLoader, f"construct_yaml_{kind}"))
        )
    return Loader


def _as_written(construct: Any) -> Any:
    """Keeps the string where the value would be written otherwise: `1.10` is no 1.1, `12:30` no 750, `no` no False."""

    def constructed(loader: Any, node: Any) -> Any:
        value = construct(loader, node)
        written = str(value).lower() if isinstance(value, bool) else str(value)
        return value if written == node.value.lower() else node.value

    return constructed
