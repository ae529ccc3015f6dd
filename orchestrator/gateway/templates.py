"""Prompts: versioned text files beside the worker that uses them, rendered in Jinja's sandbox.

A file `prompts/NAME.md` has front matter (`version: 2`, and `shrink: passages` where an input may be cut short to make
the question fit its model) and the sections `[system]` and `[user]`. Without a file, the
worker's docstring is the system message and the inputs are the user message, each under its name. The answer's JSON
schema is always put after the system message, since not every model is told of it otherwise.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2.sandbox

from ..errors import BadInput
from ..ids import digest, plain


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


@functools.lru_cache(maxsize=256)
def find_template(folder: Path | None, name: str, docstring: str) -> Template:
    """The template of a prompt: from `folder`, else made of the docstring. Raises BadInput for a malformed file."""
    path = folder / f"{name}.md" if folder else None
    if path is None or not path.is_file():
        return Template(name, "0", docstring, "")
    return read_template(path, name)


@functools.lru_cache(maxsize=256)
def read_template(path: Path, name: str) -> Template:
    """The template in a file. Raises BadInput for one that is missing or malformed."""
    try:
        return parse_template(name, path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise BadInput(f"prompt {name!r} cannot be read from {str(path)!r}: {error.strerror}; name a file") from error


def parse_template(name: str, text: str, path: str) -> Template:
    """A template from a file's text."""
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
    """Each input under its name."""
    return "\n".join(f"<{name}>\n{_show(value)}\n</{name}>" for name, value in inputs.items())


def render(template: Template, inputs: Mapping[str, Any], schema: Mapping[str, Any] | None) -> tuple[Message, ...]:
    """The messages for these inputs. Values are never read as templates. Raises BadInput for a missing input."""
    try:
        parts = [_rendered(template.system, inputs)]
        parts.append(_rendered(template.user, inputs) if template.user else _named(inputs))
    except jinja2.TemplateError as error:
        raise BadInput(f"prompt {template.name!r} cannot be rendered: {error}; inputs are {sorted(inputs)}") from error
    if schema is not None:
        asked = json.dumps(schema, separators=(",", ":"), ensure_ascii=False)
        parts[0] += f"\n\nAnswer with one JSON value that matches this schema, and nothing else:\n{asked}"
    return Message("system", parts[0]), Message("user", parts[1])
