"""A source held against its original: equal is silent, and every difference is said."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.evidence import Document, Source
from bullpen.orchestrator.ids import canonical, digest
from bullpen.orchestrator.rules.originals import difference
from bullpen.orchestrator.text import clean

VALUES = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5) | st.lists(st.text(max_size=3), max_size=2)
)
METADATA = st.dictionaries(st.sampled_from(["date", "status", "id", "by"]), VALUES, max_size=4)
DOCUMENTS = st.builds(
    Document,
    id=st.just("a"),
    title=st.text(max_size=5),
    uri=st.just("a.md"),
    text=st.text(max_size=9),
    metadata=METADATA,
)


def stored(document: Document) -> Source:
    """What memory keeps of it."""
    metadata = json.loads(clean(canonical(document.metadata)))
    text_hash = digest(clean(document.text))
    return Source(id="a", title=clean(document.title), uri="a.md", text_hash=text_hash, metadata=metadata)


def told(document: Document) -> tuple[Any, ...]:
    return clean(document.text), clean(document.title), canonical(document.metadata)


@given(one=DOCUMENTS, other=DOCUMENTS)
def test_a_difference_is_said_exactly_where_there_is_one(one: Document, other: Document) -> None:
    assert difference(stored(one), one) == ""
    assert bool(difference(stored(one), other)) == (told(one) != told(other))


def test_the_field_and_both_values_are_named() -> None:
    original = Document(id="a", title="A", uri="a.md", text="a", metadata={"date": "2021-09-15"})
    source = stored(original).model_copy(update={"metadata": {"date": "2020-09-15", "by": 1}})

    assert difference(source, original) == ("source 'a' (a.md) was read with 'by' as 1, its original says nothing")
    source = source.model_copy(update={"metadata": {"date": "2020-09-15"}})
    assert difference(source, original) == (
        "source 'a' (a.md) was read with 'date' as \"2020-09-15\", its original says \"2021-09-15\""
    )
    assert difference(source, None) == "source 'a' (a.md) is gone since then"
