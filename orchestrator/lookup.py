"""What is asked of the catalogue of a corpus, as a model writes it, and the table that comes of it. Pure values.

`rules/lookup` runs a `Select`; a memory brings the documents.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from .evidence import Quote, Value
from .metadata import Kind

#: What a document has beside its metadata, its id and its title: what it says.
TEXT = "text"

Op = Literal["is", "in", "contains", "between", "empty"]


def _as_texts(given: Any) -> Any:
    """One value as a list of it, and numbers as they are written: a model may leave out brackets and quotes."""
    items = given if isinstance(given, (list, tuple)) else [] if given is None else [given]
    return tuple(str(item) if isinstance(item, (int, float)) else item for item in items)


_Texts = Annotated[tuple[str, ...], BeforeValidator(_as_texts)]


class Where(Value):
    """What a document must have in a field; several values are alternatives.

    `is` and `in`: the field, or an item of its list, is one of the values; of a date, a year or month will do.
    `contains`: it has the words of one of the values, in their order. `between`: two dates or numbers, both included;
    an empty one leaves that end open. `empty`: it says nothing, or is not there. `negated` means all others.
    """

    field: str
    op: Op = "is"
    values: _Texts = ()
    negated: bool = False


class Order(Value):
    """By which field the rows stand, from the least up unless `down`; those without it come last."""

    field: str
    down: bool = False


class Select(Value):
    """Which documents are wanted (those that meet all of `where`) and what of them is shown and counted."""

    where: tuple[Where, ...] = ()
    show: _Texts = ()
    count_by: _Texts = ()
    order: Order | None = None


class Row(Value):
    """A document that was found."""

    source: str
    title: str
    #: How people call it.
    label: str
    #: What it holds in each of the table's columns, as it stands there; None for nothing.
    values: tuple[Any, ...] = ()
    #: Where its text says what was asked of it.
    quotes: tuple[Quote, ...] = ()


class Group(Value):
    """The documents found that have one value; of a date, one year."""

    value: str
    sources: tuple[str, ...]


class Grouped(Value):
    """The documents found by what one field holds, the commonest first, and those in which it is empty."""

    field: str
    groups: tuple[Group, ...] = ()
    none: tuple[str, ...] = ()


class Without(Value):
    """How many documents would be found without one of the conditions, and what most of these have in its field."""

    condition: str
    total: int
    values: tuple[tuple[str, int], ...] = ()


class Table(Value):
    """What a `Select` came to."""

    select: Select
    #: Why it could not be run, in words for whoever wrote it; empty where it was.
    problem: str = ""
    #: The conditions in words.
    conditions: str = ""
    #: Fields, besides id and title.
    columns: tuple[str, ...] = ()
    #: The first of the documents found, in order.
    rows: tuple[Row, ...] = ()
    #: The ids of the others.
    more: tuple[str, ...] = ()
    #: How many documents there are to find.
    documents: int = 0
    grouped: tuple[Grouped, ...] = ()
    without: tuple[Without, ...] = ()
    #: In how many of all documents a field that was asked for is empty.
    lacking: tuple[tuple[str, int], ...] = ()
    #: Values that no document has, with those that are close.
    remarks: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The ids of all documents found, in order."""
        return (*(row.source for row in self.rows), *self.more)

    @property
    def total(self) -> int:
        """How many documents were found."""
        return len(self.rows) + len(self.more)

    @property
    def told(self) -> str:
        """The conditions and what they brought, in words."""
        return self.problem or f"{self.conditions}: {self.total} of {self.documents}"


class FieldSummary(Value):
    """What the documents of a corpus hold under one name, as far as it takes to write a condition."""

    name: str
    kind: Kind
    #: In how many documents it says something, and how many different things.
    sources: int
    distinct: int
    #: The commonest values with the documents that have each; none of dates and of what is too long to be named.
    values: tuple[tuple[str, int], ...] = ()
    #: The least and the greatest of dates and numbers.
    span: tuple[str, str] | None = None


class Summary(Value):
    """What there is to look up."""

    documents: int
    fields: tuple[FieldSummary, ...] = Field(default=())
