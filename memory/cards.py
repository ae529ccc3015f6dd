"""A document as a catalogue shows it. Pure."""

from ..orchestrator.evidence import Card, Source
from ..orchestrator.rules.numbering import lines_of
from ..orchestrator.text import shorten

#: Code points at the beginning of a document in which its first sentence is looked for.
HEAD = 3_000
#: Code points of a first sentence that are shown, and of one that is looked past: a label is no sentence.
_OPENING_MOST, _LABEL_MOST = 240, 24
#: Code points of a token, about.
_TOKEN = 4


def card_of(source: Source, head: str, length: int) -> Card:
    """The card of a source whose text begins with `head` and has `length` code points."""
    said = (line.text for line in lines_of(head) if line.kind in ("sentence", "item"))
    opening = next((text for text in said if len(text) > _LABEL_MOST), "")
    return Card(
        source=source.id,
        title=source.title,
        opening=shorten(opening, _OPENING_MOST),
        metadata=source.metadata,
        tokens=length // _TOKEN,
    )
