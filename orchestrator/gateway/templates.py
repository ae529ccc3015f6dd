"""Prompts: versioned text files beside the worker that uses them, rendered in Jinja's sandbox.

A file `prompts/NAME.md` has front matter (`version: 2`, and `shrink: passages` where an input may be cut short to make
the question fit its model) and the sections `[system]` and `[user]`. Without a file, the
worker's docstring is the system message and the inputs are the user message, each under its name. The answer's JSON
schema goes after the system message where nothing else tells the model of it (`prompt`).
"""

import functools
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2.sandbox

from ..errors import BadInput
from ..evidence import Passage
from ..ids import digest, plain
from ..regular_files import read_regular
from ..rules.numbering import ARROW

#: The largest file of a prompt.
BYTES_MOST = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation with a model: `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt's text. `version` is for people, `hash` (of the text) tells any two apart."""

    name: str
    version: str
    system: str
    #: Empty for each input under its name.
    user: str
    #: The inputs that may lose items from their end where the question does not fit its model, the first named first.
    shrink: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of both sections."""
        return _hash(self)


def _show(value: Any) -> str:
    """A value as a prompt shows it: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(plain(value), indent=1, ensure_ascii=False)


_ENVIRONMENT = jinja2.sandbox.ImmutableSandboxedEnvironment(
    undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False
)
_ENVIRONMENT.filters["show"] = _show


@functools.lru_cache(maxsize=256)
def _hash(template: Template) -> str:
    return digest(f"{template.system}\n{template.user}")[:12]


@functools.lru_cache(maxsize=256)
def _compiled(text: str) -> jinja2.Template:
    return _ENVIRONMENT.from_string(text)


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompts of one job, each read once: a file that is edited later is for the jobs that begin later."""

    #: Where workers have their own, `NAME.md` each.
    folders: tuple[Path, ...]
    #: By name, the files that stand in place of the workers' own.
    instead: Mapping[str, Path]
    #: By path, what each file held when it was read.
    held: Mapping[Path, bytes]

    def template(self, folders: Sequence[Path], name: str, docstring: str) -> Template:
        """A prompt's template: from its file, in the first of these folders that has one, else made of the docstring.

        Raises BadInput for a malformed file.
        """
        own = (path for folder in folders if (path := folder / f"{name}.md") in self.held)
        found = self.instead.get(name) or next(own, None)
        if found is None or found not in self.held:
            return Template(name, "0", docstring, "")
        return parse_template(name, self.held[found], str(found))

    def by_name(self) -> dict[str, bytes]:
        """What each name stands for, in all folders together."""
        found: dict[str, bytes] = {}
        for folder in self.folders:
            for path in (path for path in self.held if folder in path.parents):
                name = path.relative_to(folder).with_suffix("").as_posix()
                found[name] = found.get(name, b"") + self.held[path]
        return found | {name: self.held[path] for name, path in self.instead.items()}


def read_prompts(folders: Iterable[Path], instead: Mapping[str, Path]) -> Prompts:
    """Read the prompts in these folders, and those that stand in place of some. Blocking: a few small files.

    Raises BadInput for a file that cannot be read, and for one of the latter that is malformed.
    """
    there = tuple(dict.fromkeys(folders))
    own = [path for folder in there for path in sorted(folder.rglob("*.md")) if path.is_file()]
    held = {path: _held(path, path.stem) for path in own}
    for name, path in instead.items():
        held[path] = _held(path, name)
        parse_template(name, held[path], str(path))
    return Prompts(there, instead, held)


def read_template(path: Path, name: str) -> Template:
    """The template in a file, as it is now. Raises BadInput for one that is missing or malformed."""
    return parse_template(name, _held(path, name), str(path))


def _held(path: Path, name: str) -> bytes:
    """What is in the file, or in the one that it leads to: settings may name one elsewhere, and packages be linked."""
    try:
        return read_regular(Path(os.path.realpath(path)), BYTES_MOST)
    except OSError as error:
        raise BadInput(f"prompt {name!r} cannot be read from {str(path)!r}: {error.strerror}; name a file") from error


@functools.lru_cache(maxsize=256)
def parse_template(name: str, held: str | bytes, path: str) -> Template:
    """A template from a file's text. Raises BadInput for one that is malformed."""
    try:
        text = held if isinstance(held, str) else held.decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"prompt {path!r} is not UTF-8 at byte {error.start}; save it as UTF-8") from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    _, matter, rest = text.split("---\n", 2) if text.startswith("---\n") and text.count("---\n") > 1 else ("", "", "")
    facts = dict(line.split(":", 1) for line in matter.splitlines() if ":" in line)
    opening, found, user = rest.partition("\n[user]\n")
    blank, system_found, system = opening.partition("[system]\n")
    if not (found and system_found) or blank.strip() or "version" not in facts:
        raise BadInput(f"prompt {path!r} needs front matter with a version, then [system], then [user]; mend the file")
    shrink = tuple(part.strip() for part in facts.get("shrink", "").split(",") if part.strip())
    return Template(name, facts["version"].strip(), system.strip(), user.strip(), shrink)


def _rendered(text: str, inputs: Mapping[str, Any]) -> str:
    if "{{" not in text and "{%" not in text:
        return text.strip()  # most system sections: nothing to fill in
    return _compiled(text).render(inputs, inputs=inputs).strip()


def _named(inputs: Mapping[str, Any]) -> str:
    """Each input under its name; texts and passages as they are read, numbered where there are several."""
    return "\n".join(f"<{name}>\n{_told(value)}\n</{name}>" for name, value in inputs.items())


def _told(value: Any) -> str:
    """Passages by number, each under its title and heading, so that an answer can name them; anything else as JSON."""
    is_numbered = isinstance(value, list | tuple) and value and all(isinstance(p, Passage) for p in value)
    return "\n\n".join(_passage(n, p) for n, p in enumerate(value, start=1)) if is_numbered else _show(value)


def _passage(number: int, passage: Passage) -> str:
    above = ARROW.join(filter(None, (passage.title, passage.heading)))
    return f"[{number}] {above}\n{passage.text.strip()}"


def render(template: Template, inputs: Mapping[str, Any]) -> tuple[Message, Message]:
    """The messages for these inputs. Values are never read as templates. Raises BadInput for a missing input."""
    try:
        parts = [_rendered(template.system, inputs)]
        parts.append(_rendered(template.user, inputs) if template.user else _named(inputs))
    except jinja2.TemplateError as error:
        raise BadInput(f"prompt {template.name!r} cannot be rendered: {error}; inputs are {sorted(inputs)}") from error
    return Message("system", parts[0]), Message("user", parts[1])
