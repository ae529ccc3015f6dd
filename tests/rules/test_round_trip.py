"""What a value is written as comes back as that value, or its type is refused by name before there is one."""

import enum
import json
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    Json,
    PlainSerializer,
    PrivateAttr,
    SecretBytes,
    SecretStr,
    TypeAdapter,
    computed_field,
    create_model,
    field_serializer,
    field_validator,
    model_serializer,
)
from pydantic.alias_generators import to_camel

from bullpen.orchestrator.codec import NotKept, decoded, encoded, untyped
from bullpen.orchestrator.errors import InvalidWorker
from bullpen.orchestrator.ids import canonical, compact
from bullpen.orchestrator.rules.json.read import read_json
from bullpen.orchestrator.rules.round_trip import adapter_of, problem_of, secret_in


def checked(kind: Any) -> TypeAdapter[Any]:
    return adapter_of("it", kind, problem_of, {})


def through_json(kind: Any, value: Any) -> Any:
    """The value after a line of a journal."""
    line = compact({"output": encoded(checked(kind), value)})
    return decoded(checked(kind), json.loads(line, parse_constant=pytest.fail)["output"])


# ---------------------------------------------------------------- generated models

#: Types of fields, with their values.
LEAVES: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "int": (int, st.integers()),
    "float": (float, st.floats(allow_nan=False)),
    "str": (str, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))),
    "bool": (bool, st.booleans()),
    "date": (date, st.dates()),
    "datetime": (datetime, st.datetimes()),
    "timedelta": (timedelta, st.timedeltas(timedelta(-9), timedelta(9))),
    "decimal": (Decimal, st.decimals(allow_nan=False, allow_infinity=False, places=2)),
    "uuid": (UUID, st.uuids()),
    "list": (list[int], st.lists(st.integers(), max_size=3)),
    "tuple": (tuple[int, str], st.tuples(st.integers(), st.just("x"))),
    "set": (frozenset[int], st.frozensets(st.integers(), max_size=3)),
    "dict": (dict[int, bool], st.dictionaries(st.integers(), st.booleans(), max_size=3)),
    "maybe": (date | None, st.none() | st.dates()),
}
NAMES = ("alpha", "beta_gamma", "delta")
ALIASES: dict[str, Callable[[str], dict[str, Any]]] = {
    "none": lambda name: {},
    "one": lambda name: {"alias": f"{name}Alias"},
    "two": lambda name: {"validation_alias": f"{name}In", "serialization_alias": f"{name}Out"},
    "read": lambda name: {"validation_alias": AliasChoices(f"{name}In", AliasPath(f"{name}Deep", 0))},
    "written": lambda name: {"serialization_alias": f"{name}Out"},
}


class _Computed(BaseModel):
    @computed_field  # type: ignore[prop-decorator]
    @property
    def size(self) -> int:
        return len(type(self).model_fields)


@st.composite
def models(draw: st.DrawFn, depth: int = 1) -> tuple[type[BaseModel], st.SearchStrategy[BaseModel]]:
    """A class of models and its values: aliases, computed fields, defaults, strictness and nesting as they come."""
    fields: dict[str, Any] = {}
    values: dict[str, st.SearchStrategy[Any]] = {}
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True)):
        kind, value = (
            draw(models(depth - 1)) if depth and draw(st.booleans()) else LEAVES[draw(st.sampled_from([*LEAVES]))]
        )
        how = ALIASES[draw(st.sampled_from([*ALIASES]))](name)
        fields[name] = (kind, Field(**how)) if draw(st.booleans()) else (kind | None, Field(default=None, **how))
        values[name] = value
    config = ConfigDict(
        extra=draw(st.sampled_from(["forbid", "ignore"])),
        strict=draw(st.booleans()),
        frozen=draw(st.booleans()),
        serialize_by_alias=draw(st.booleans()),
        alias_generator=draw(st.sampled_from([None, to_camel])),
        ser_json_inf_nan=draw(st.sampled_from(["null", "constants", "strings"])),
    )
    base = draw(st.sampled_from([BaseModel, _Computed]))
    made: type[BaseModel] = create_model("Made", __base__=type("Base", (base,), {"model_config": config}), **fields)

    def make(held: dict[str, Any]) -> BaseModel:
        return made.model_validate(held, by_name=True)

    return made, st.fixed_dictionaries(values).map(make)


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_round_trip_of_generated_pydantic_models(data: st.DataObject) -> None:
    kind, values = data.draw(models())
    value = data.draw(values)
    assume("inf" not in repr(value) or not kind.model_config["strict"])  # refused by name: see below

    assert through_json(kind, value) == value
    assert through_json(list[kind], [value]) == [value]  # type: ignore[valid-type]


# ---------------------------------------------------------------- what comes back


class Colour(enum.Enum):
    RED = 1


class Point(NamedTuple):
    x: int
    name: str = "p"


@dataclass
class Part:
    weight: float
    on: list[date] = field(default_factory=list)


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    on: date
    marks: tuple[int, ...]


class Spelled(BaseModel):
    on: date

    @field_serializer("on")
    def spelled(self, on: date) -> str:
        return f"{on:%d.%m.%Y}"

    @field_validator("on", mode="before")
    @classmethod
    def read(cls, on: Any) -> Any:
        return datetime.strptime(on, "%d.%m.%Y").date() if isinstance(on, str) and on[2:3] == "." else on


class Cached(BaseModel):
    text: str
    _seen: dict[str, int] = PrivateAttr(default_factory=lambda: {"a": 1})


class Wrapped(BaseModel):
    numbers: Json[list[int]]


class Tree(BaseModel):
    name: str
    children: list["Tree"] = []


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


DAY = date(2024, 5, 1)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Part, Part(math.inf, [DAY])),
        (float, -math.inf),
        (Colour, Colour.RED),
        (Point, Point(1)),
        (deque[int], deque([1])),
        (IPv4Network, IPv4Network("10.0.0.0/8")),
        (Path, Path("a/b")),
        (time, time(1, 2)),
        (bytes, b"abc"),
        (Strict, Strict(on=DAY, marks=(1, 2))),
        (Spelled, Spelled(on=DAY)),
        (Cached, Cached(text="a")),
        (Wrapped, Wrapped(numbers="[1]")),  # type: ignore[arg-type]
        (Tree, Tree(name="a", children=[Tree(name="b")])),
        (Open, Open.model_validate({"more": [1, "x"]})),
        (dict[date, int], {DAY: 1}),
        (Annotated[Part | Tree, Field(union_mode="smart")], Tree(name="a")),
        (None, None),
    ],
)
def test_what_pydantic_can_carry_comes_back(kind: Any, value: Any) -> None:
    came = through_json(kind, value)

    assert came == value
    assert type(came) is type(value)


def test_what_is_no_number_comes_back_as_that() -> None:
    assert math.isnan(through_json(float, math.nan))


def test_what_no_store_can_keep_is_replaced_as_everywhere() -> None:
    assert through_json(str, "a\ud800\0") == "a\ufffd\ufffd"


# ---------------------------------------------------------------- what is refused where the type is named


class Day(BaseModel):
    on: date

    @field_serializer("on")
    def shown(self, on: date) -> str:
        return f"{on:%d.%m.%Y}"


class Hidden(BaseModel):
    why: str = Field("", exclude=True)


class Login(BaseModel):
    key: SecretStr


class Swapped(BaseModel):
    one: int = Field(alias="two")
    two: int = Field(alias="one")


class Counted(BaseModel):
    n: int

    @field_validator("n")
    @classmethod
    def one_more(cls, n: int) -> int:
        return n + 1


class Told(BaseModel):
    n: int

    @model_serializer
    def told(self) -> str:
        return f"{self.n} pieces"


class Coded(BaseModel):
    """No example of its code is known."""

    code: str = Field(pattern="^[A-Z]{3}[0-9]$")
    why: str = Field("", exclude=True)


class Cat(BaseModel):
    name: str


class Dog(BaseModel):
    name: str


Shouted = Annotated[str, PlainSerializer(str.upper)]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Day, ("field 'on' of Day", "is not read back", "serializers")),
        (list[Hidden], ("field 'why' of Hidden is left out", "take its `exclude` away")),
        (Login | None, ("field 'key' of Login is a secret", "let the worker read it")),
        (dict[str, SecretBytes], ("is a secret",)),
        (Swapped, ("of Swapped is", "comes back as", "aliases agree")),
        (Counted, ("field 'n' of Counted is", "comes back as", "validators")),
        (Told, ("Told is", "is not read back")),
        (Coded, ("field 'why' of Coded is left out",)),
        (Shouted, ("comes back as 'TEXT", "serializers")),
        (list[Cat | Dog], ("Dog is Dog(", "comes back as Cat(", "a field that tells them apart")),
        (Tree(name="a"), ("is a value", "give a type, such as Tree")),
    ],
)
def test_a_type_whose_values_do_not_come_back_is_refused_by_field_class_and_mend(
    kind: Any, said: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidWorker, match="it is") as refused:
        checked(kind)

    assert all(words in str(refused.value) for words in said), refused.value
    assert "\n" not in str(refused.value)


def test_what_is_only_read_may_be_written_as_it_likes_but_not_be_secret() -> None:
    for kind in (Day, Hidden, Swapped, Counted, Told):
        assert adapter_of("it", kind, secret_in, {})
    with pytest.raises(InvalidWorker, match="field 'key' of Login is a secret"):
        adapter_of("it", Login, secret_in, {})


# ---------------------------------------------------------------- what is refused where a value is written


class Puppy(Dog):
    age: int


class Exact(BaseModel):
    ratio: float = Field(strict=True)


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (Dog, Puppy(name="a", age=1), "Puppy is Puppy.* comes back as Dog"),
        (Exact, Exact(ratio=math.inf), "field 'ratio' of Exact is inf"),
        (Any, {"ratio": math.inf}, "field 'ratio' of dict is inf"),
        (Any, [SecretStr("x")], "SecretStr"),
        (Any, Dog, "class Dog stands where a value is meant; give an instance"),
        (Any, object(), "object cannot be written"),
        (bytes, b"\xff", "bytes cannot be written"),
    ],
)
def test_a_value_that_would_come_back_as_another_is_refused_by_name(kind: Any, value: Any, said: str) -> None:
    with pytest.raises(NotKept, match=said):
        encoded(checked(kind), value)


def test_a_value_of_no_declared_type_comes_back_as_plain_json() -> None:
    assert encoded(checked(Any), {1: Dog(name="a"), "on": DAY, "t": (1,)}) == {
        "1": {"name": "a"},
        "on": str(DAY),
        "t": [1],
    }
    assert untyped((Dog(name="a"), DAY)) == [{"name": "a"}, str(DAY)]


# ---------------------------------------------------------------- what a model writes


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Day, '{"on": "2024-05-01"}'),
        (Hidden, '{"why": "x"}'),
        (Swapped, '{"one": 1, "two": 2}'),
        (Counted, '{"n": 1}'),
        (Told, '{"n": 1}'),
        (Strict, '{"on": "2024-05-01", "marks": [1]}'),
        (Literal["a"], '"a"'),
    ],
)
def test_an_answer_is_read_once_from_what_the_model_wrote(kind: Any, text: str) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    reading = read_json(text, adapter)

    assert not reading.problem
    assert decoded(adapter, json.loads(compact(reading.value))) == adapter.validate_json(text)


# ---------------------------------------------------------------- JSON stays JSON


@given(
    st.recursive(
        st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
    )
)
def test_whatever_is_recorded_is_json_without_other_words(value: Any) -> None:
    for text in (compact(value), canonical(value)):
        json.loads(text, parse_constant=pytest.fail)
