"""A script as a file, TOML or JSON, so that no Python is needed. A mistake is one BadInput line that names the place.

[[rule]]                       # or [[reply]] entries alone, given in order
model = "gpt-4*"
first_call = 2
replies = [{ fault = "rate_limited" }, { says = "hello", tokens_in = 7 }]
"""

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

from pydantic import TypeAdapter, ValidationError

from ...errors import BadInput
from .around import Cut, Drip, Gzipped, Interrupted, KeptAlive, Late, Repeated
from .embeds import Embeds
from .faults import FAULTS
from .replies import Drops, Fails, Floods, Hangs, Json, Raw, Says, says_json
from .script import Rule
from .wire import Reply

#: What a reply is, by the key that says it; the key's value is the reply's first field, where it has one.
_KINDS: Mapping[str, type] = {
    "says": Says,
    "fails": Fails,
    "json": Json,
    "raw": Raw,
    "floods": Floods,
    "embeds": Embeds,
    "hangs": Hangs,
    "drops": Drops,
}
#: What is done to it, by the key that says it; the value is a table of the fields.
_AROUND: Mapping[str, type] = {
    "late": Late,
    "drip": Drip,
    "repeated": Repeated,
    "kept_alive": KeptAlive,
    "interrupted": Interrupted,
    "cut": Cut,
    "gzipped": Gzipped,
}


class Place(NamedTuple):
    """Where in a file something stands."""

    file: Path
    entry: str

    def bad(self, what: str) -> BadInput:
        """An error that begins with the place."""
        return BadInput(f"{self.file}: {self.entry}: {what}")


def load_script(file: Path) -> list[Reply | Rule]:
    """The replies or the rules of a `.toml` or `.json` file. Raises BadInput, naming the line or the entry."""
    given = _read(file)
    top = Place(file, "top level")
    _only(given, ("reply", "rule"), top)
    if len(given) != 1:
        raise top.bad("it needs either `reply`, a list of replies, or `rule`, a list of rules")
    if "rule" in given:
        return [_rule(item, Place(file, f"rule {n}")) for n, item in _numbered(given["rule"], "rule", top)]
    return [_reply(item, Place(file, f"reply {n}")) for n, item in _numbered(given["reply"], "reply", top)]


def _read(file: Path) -> Mapping[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
        given = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # both decoders name line and column
        kind = "JSON" if file.suffix == ".json" else "TOML"
        raise BadInput(f"{file} is not {kind}: {error}") from error
    if not isinstance(given, dict):
        raise BadInput(f"{file}: top level: it needs to be an object with `reply` or `rule`")
    return given


def _numbered(given: Any, name: str, place: Place) -> Iterator[tuple[int, dict[str, Any]]]:
    if not isinstance(given, list) or not given:
        raise place.bad(f"`{name}` needs to be a list with at least one entry")
    for number, item in enumerate(given, 1):
        if not isinstance(item, dict):
            raise place.bad(f"{name} {number} needs to be a table such as {{ says = 'hello' }}, not {item!r}")
        yield number, item


def _rule(given: dict[str, Any], place: Place) -> Rule:
    numbered = _numbered(given.get("replies"), "replies", place)
    replies = tuple(_reply(item, place._replace(entry=f"{place.entry}, reply {n}")) for n, item in numbered)
    rest = {name: value for name, value in given.items() if name != "replies"}
    return Rule(replies, **_fields(Rule, rest, place, besides=("replies",)))


def _reply(given: dict[str, Any], place: Place) -> Reply:
    """One reply: its kind, that kind's other fields beside it, and what is done to it, the first innermost."""
    kinds = [name for name in given if name in _KINDS or name in ("fault", "says_json")]
    if len(kinds) != 1:
        unknown = [name for name in given if name not in (*kinds, *_AROUND)]
        found = " and ".join(kinds) or (f"only {_names(unknown)}" if unknown else "none")
        raise place.bad(f"it needs exactly one of {_names(['fault', 'says_json', *_KINDS])}; there is {found}")
    rest = {name: value for name, value in given.items() if name not in _AROUND}
    reply = _bare(kinds[0], rest, place)
    for name, value in given.items():
        if name in _AROUND:
            around = place._replace(entry=f"{place.entry}, {name}")
            if not isinstance(value, dict):
                raise around.bad(f"it needs a table of {_names(_settable(_AROUND[name], ('reply',))) or 'nothing'}")
            reply = _AROUND[name](reply, **_fields(_AROUND[name], value, around, besides=("reply",)))
    return reply


def _bare(kind: str, given: dict[str, Any], place: Place) -> Reply:
    value = given.pop(kind)
    if kind == "fault":
        _only(given, ("fault", *_AROUND), place)
        return _named(value, place)
    if kind == "says_json":
        return says_json(value, **_fields(Says, given, place, besides=("text",)))
    made: Callable[..., Reply] = _KINDS[kind]
    own = fields(_KINDS[kind])
    if not own or (value is True and own[0].default is not MISSING):
        return made(**_fields(_KINDS[kind], given, place))
    first = own[0].name
    return made(**_fields(_KINDS[kind], {first: value, **given}, place, spoken={first: kind}))


def _named(name: Any, place: Place) -> Reply:
    if name in FAULTS:
        return FAULTS[name].reply()
    near = get_close_matches(str(name), FAULTS, n=3, cutoff=0.5)
    hint = f"did you mean {_names(near)}?" if near else "`bullpen fake-provider --list` shows all"
    raise place.bad(f"there is no fault {name!r}; {hint}")


def _fields(
    of: type,
    given: Mapping[str, Any],
    place: Place,
    *,
    besides: tuple[str, ...] = (),
    spoken: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The values for the fields of a dataclass, checked; `spoken` has the file's own word for a field."""
    _only(given, _settable(of, besides), place)
    hints = get_type_hints(of, include_extras=True)
    values = {
        name: _checked(hints[name], value, place, (spoken or {}).get(name, name)) for name, value in given.items()
    }
    needed = [
        field.name
        for field in fields(of)
        if field.default is MISSING and field.default_factory is MISSING and field.name not in (*besides, *values)
    ]
    if needed:
        raise place.bad(f"{_names(needed)} is missing")
    return values


def _checked(wanted: Any, value: Any, place: Place, name: str) -> Any:
    try:
        return TypeAdapter(wanted).validate_python(value)
    except ValidationError as error:
        said = error.errors()[0]["msg"]
        raise place.bad(f"`{name}` = {value!r}: {said[0].lower()}{said[1:]}") from error


def _only(given: Mapping[str, Any], allowed: tuple[str, ...], place: Place) -> None:
    if unknown := [name for name in given if name not in allowed]:
        raise place.bad(f"`{unknown[0]}` is not known here; allowed: {_names(allowed) or 'nothing'}")


def _settable(of: type, besides: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(of) if field.name not in besides)


def _names(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
