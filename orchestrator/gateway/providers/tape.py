"""The file of a cassette: recorded requests with their answers, as JSON that a person can read, review and mend.

Text of several lines is a list of its lines; recordings are sorted, so that recording again in another order changes
nothing. Requests are compared as they stand in the file: no hash is kept, so a mended request is simply another one.
"""

import functools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer, TypeAdapter, ValidationError

from ...errors import BadInput
from ...ids import canonical, plain
from ...regular_files import make_folder, open_regular, replacing
from ...rules.outcome import Outcome
from ...rules.price import Prices
from ...settings import Rung
from ..model import Card, Completion, Request, Usage

#: The largest file, in bytes: more than that nobody reviews, and it is read whole.
BYTES_MOST = 16 * 1024 * 1024

_STRICT = ConfigDict(extra="forbid")
_MEND = "mend the file, or delete it and record again"


def _joined(value: Any) -> Any:
    is_lines = isinstance(value, list) and all(isinstance(line, str) for line in value)
    return "\n".join(value) if is_lines else value


def _split(text: str) -> str | list[str]:
    return text.split("\n") if "\n" in text else text


Text = Annotated[str, BeforeValidator(_joined), PlainSerializer(_split, return_type=str | list[str])]
Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Said:
    """One message."""

    __pydantic_config__ = _STRICT
    role: str
    content: Text


@dataclass(frozen=True, slots=True)
class Form:
    """The schema that an answer must keep, and how it was asked for."""

    __pydantic_config__ = _STRICT
    name: str
    mode: Literal["native", "tool"]
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """What a provider is really sent, in words of our own, so that every lane sends the same question."""

    __pydantic_config__ = _STRICT
    model: str
    messages: tuple[Said, ...]
    tokens_out_most: int
    form: Form | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a Completion without what the layers above make of it. Costs are micro-dollars."""

    __pydantic_config__ = _STRICT
    outcome: Outcome
    text: Text = ""
    model: str = ""
    finish_reason: str = ""
    tokens_in: Count = 0
    tokens_out: Count = 0
    micro_usd: Count | None = None
    detail: Text = ""
    retry_after_s: Amount | None = None

    @classmethod
    def of(cls, completion: Completion) -> "Answer":
        """What of a completion is kept."""
        kept = {name: getattr(completion, name) for name in cls.__slots__ if not name.startswith("tokens_")}
        return cls(**kept, tokens_in=completion.usage.tokens_in, tokens_out=completion.usage.tokens_out)

    def completion(self) -> Completion:
        """The completion again."""
        kept = {name: getattr(self, name) for name in self.__slots__ if not name.startswith("tokens_")}
        return Completion(**kept, usage=Usage(self.tokens_in, self.tokens_out))


@dataclass(frozen=True, slots=True)
class Listed:
    """What a provider's list said of a rung's model, which budgets and bounds rest on: USD per million tokens."""

    __pydantic_config__ = _STRICT
    price_in_usd: Amount | None = None
    price_out_usd: Amount | None = None
    context_tokens: Annotated[int, Field(ge=1)] | None = None

    @classmethod
    def of(cls, card: Card) -> "Listed":
        """The card, as it is kept."""
        prices = card.prices
        return cls(prices and prices.in_usd, prices and prices.out_usd, card.context_tokens)

    def card(self) -> Card:
        """The card again."""
        if self.price_in_usd is None or self.price_out_usd is None:
            return Card(None, self.context_tokens)
        return Card(Prices(self.price_in_usd, self.price_out_usd), self.context_tokens)


@dataclass(frozen=True, slots=True)
class Recording:
    """One question and its answers, in the order in which they came."""

    __pydantic_config__ = _STRICT
    request: Question
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds; `cards` is by the rung's `model`. Without a version it is somebody else's JSON."""

    __pydantic_config__ = _STRICT
    version: Literal[1]
    cards: Mapping[str, Listed] = field(default_factory=dict)
    recordings: tuple[Recording, ...] = ()


@functools.cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    """Made when there is a cassette: it takes milliseconds, and most systems have none."""
    return TypeAdapter(kind)


def question_of(request: Request, rung: Rung) -> Question:
    """What the provider of this rung is sent: two requests are the same when these are equal."""
    form = None
    if request.form is not None and not request.is_prompted and rung.schema_mode != "prompted":
        form = Form(request.prompt, rung.schema_mode, plain(request.form))
    messages = tuple(Said(message.role, message.content) for message in request.messages)
    return Question(rung.model_name, messages, request.tokens_out_most or rung.tokens_out_most, form)


def as_json(value: Question | Answer) -> Any:
    """The value as it stands in a file."""
    kind: type = type(value)
    return _adapter(kind).dump_python(value, mode="json", exclude_defaults=True)


def question_from(value: Any) -> Question:
    """The question that stands so in a file."""
    question: Question = _adapter(Question).validate_python(value)
    return question


def answer_from(value: Any) -> Answer:
    """The answer that stands so in a file."""
    answer: Answer = _adapter(Answer).validate_python(value)
    return answer


def key_of(question: Question) -> str:
    """Equal questions have equal keys; the order of keys is the order in the file."""
    return canonical(as_json(question))


def lines_of(question: Question) -> list[str]:
    """The question as lines of text, to compare it with another one."""
    told = [f"model {question.model}", f"tokens_out_most {question.tokens_out_most}"]
    for said in question.messages:
        told += [f"[{said.role}]", *said.content.split("\n")]
    return [*told, *json.dumps(plain(question.form), indent=1, sort_keys=True).split("\n")] if question.form else told


def bytes_of(value: Question | Answer) -> int:
    """The most that the value takes in a file, where each of its lines stands further in."""
    data = _written(as_json(value))
    return len(data) + 4 * data.count(b"\n") + 64


def _written(value: Any) -> bytes:
    return f"{json.dumps(value, indent=1, ensure_ascii=False)}\n".encode()


def load(path: Path) -> Content:
    """What the file holds; nothing where there is none, or an empty one. Blocking.

    Raises BadInput that names file, line and field: what is no cassette is never written over.
    """
    try:
        with FileIO(open_regular(path)) as file:
            if os.fstat(file.fileno()).st_size > BYTES_MOST:
                raise BadInput(too_large(path))
            text = file.readall().decode()
        content: Content = _adapter(Content).validate_python(json.loads(text) if text else {"version": 1})
        return content
    except FileNotFoundError:
        return Content(1)
    except json.JSONDecodeError as error:
        raise BadInput(f"cassette {str(path)!r}, line {error.lineno}: {error.msg}; {_MEND}") from error
    except ValidationError as error:
        raise BadInput(f"cassette {str(path)!r}, {_first(error, text)}; {_MEND}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"cassette {str(path)!r} is not UTF-8 JSON of any sense: {error}; {_MEND}") from error
    except OSError as error:
        raise BadInput(f"cassette {str(path)!r} cannot be read: {error.strerror}; {_MEND}") from error


def save(path: Path, content: Content) -> None:
    """Put the file in place, whole or not at all. Raises BadInput where it cannot be written. Blocking."""
    ordered = Content(
        version=1,
        cards=dict(sorted(content.cards.items())),
        recordings=tuple(sorted(content.recordings, key=lambda each: key_of(each.request))),
    )
    data = _written(_adapter(Content).dump_python(ordered, mode="json", exclude_defaults=True))
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        make_folder(path.parent)
        with replacing(path, beside, is_durable=True) as file:
            file.write(data)
    except OSError as error:
        raise BadInput(f"cassette {str(path)!r} cannot be written: {error.strerror}; name another file") from error


def too_large(path: Path) -> str:
    """What is said of a file over the bound."""
    return f"cassette {str(path)!r} is over {BYTES_MOST >> 20} MiB; use several, such as one for each test"


def _first(error: ValidationError, text: str) -> str:
    """The first mistake: its line, its field, what it is and what is expected."""
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"])) or "the file"
    return f"line {line_of(text, first['loc'])}: {where} = {repr(first['input'])[:60]}: {first['msg']}"


def line_of(text: str, path: Sequence[str | int]) -> int:
    """The line, from 1, of what stands at this path in a JSON text without mistakes, or of the last part it has."""
    at = _skip(text, 0)
    for part in path:
        at = dict(_members(text, at)).get(part, at)
    return text.count("\n", 0, at) + 1


def _members(text: str, at: int) -> Iterator[tuple[str | int, int]]:
    """Each member of the object or list at this place: its name or number, and where its value begins."""
    decode, is_object, n = json.JSONDecoder().raw_decode, text[at] == "{", 0
    if text[at] not in "[{":
        return
    at = _skip(text, at + 1)
    while text[at] not in "]}":
        name, at = decode(text, at) if is_object else (n, at)
        at, n = _skip(text, at), n + 1
        yield name, at
        at = _skip(text, decode(text, at)[1])


def _skip(text: str, at: int) -> int:
    while text[at] in " \t\r\n,:":
        at += 1
    return at
