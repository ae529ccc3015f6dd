"""An answer that is no object is asked for in one, and is itself again on record and for who asked."""

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from bullpen.orchestrator.errors import NoAnswer
from bullpen.orchestrator.gateway.box import box_of
from bullpen.orchestrator.rules.json.read import read_json

from .stacks import always, stack


class Ship(BaseModel):
    """A ship, with those that it tows."""

    name: str
    towed: list["Ship"] = []


LISTS = [
    ("[1, 2]", [1, 2]),
    ('{"items": [1, 2]}', [1, 2]),
    ('Here it is:\n```json\n{"items": [1, 2]}\n```', [1, 2]),
    ('{"items": ["1", 2]}', [1, 2]),
    ('["1", 2]', [1, 2]),
    ('{"items": []}', []),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("text", "value"), LISTS)
async def test_a_list_is_read_with_and_without_its_box(text: str, value: list[int]) -> None:
    kind: TypeAdapter[Any] = TypeAdapter(list[int])
    model, journal, request = stack([scripted := always(text)])
    schema = kind.json_schema()
    completion = await model.complete(request._replace(returns=kind, schema=schema, box=box_of(list[int], schema)))

    assert completion.value == value
    assert [event.value["value"] for event in journal.events if event.kind == "model.answered"] == [value]
    assert '"properties":{"items":' in scripted.requests[0].messages[0].content


@pytest.mark.anyio
async def test_what_is_neither_is_off_schema() -> None:
    kind: TypeAdapter[Any] = TypeAdapter(list[int])
    model, _, request = stack([always('{"numbers": "none"}')])
    schema = kind.json_schema()

    with pytest.raises(NoAnswer, match="off_schema"):
        await model.complete(request._replace(returns=kind, schema=schema, box=box_of(list[int], schema)))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (list[int], "items"),
        (tuple[Ship, ...], "items"),
        (int, "value"),
        (Literal["yes", "no"], "value"),
        (Ship | None, "value"),
        (Ship, ""),
        (dict[str, int], ""),
    ],
)
def test_what_is_no_object_has_a_box(kind: Any, name: str) -> None:
    box = box_of(kind, TypeAdapter(kind).json_schema())

    assert (box.name if box else "") == name
    assert box is None or (box.schema["type"], list(box.schema["properties"])) == ("object", [name])


@given(numbers=st.lists(st.integers(-(2**53), 2**53)), boxed=st.booleans())
def test_a_list_comes_back_as_it_was_said(numbers: list[int], boxed: bool) -> None:
    box = box_of(list[int], TypeAdapter(list[int]).json_schema())
    assert box is not None
    text = str({"items": numbers} if boxed else numbers).replace("'", '"')

    assert box.opened(read_json(text, box.returns).value) == numbers
