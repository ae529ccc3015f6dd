"""Whether a source, as a run rests on it, is what its original says now: text, title and every field. Pure."""

import json

from ..evidence import Document, Source
from ..ids import canonical, digest
from ..text import clean, shorten


def difference(source: Source, original: Document | None) -> str:
    """What has become of the original, as a line about the source; "" where nothing has."""
    about = f"source {source.id!r} ({source.uri})"
    if original is None:
        return f"{about} is gone since then"
    if digest(clean(original.text)) != source.text_hash:
        return f"{about} has changed since then"
    if clean(original.title) != source.title:
        return f"{about} was read as titled {shorten(source.title, 80)!r}, its original {shorten(original.title, 80)!r}"
    metadata = json.loads(clean(canonical(original.metadata)))
    names = sorted(
        name for name in metadata.keys() | source.metadata.keys() if _of(metadata, name) != _of(source.metadata, name)
    )
    if not names:
        return ""
    read, says = (shorten(_of(held, names[0]), 80) for held in (source.metadata, metadata))
    return f"{about} was read with {names[0]!r} as {read}, its original says {says}"


def _of(metadata: dict[str, object], name: str) -> str:
    """A field's value, told apart by type; `nothing` where there is none."""
    return canonical(metadata[name]) if name in metadata else "nothing"
