"""Where the claims of a report stand, and what is left of that when some of them are dropped. Pure."""

from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest

from ..evidence import Block, Layout


def ids_of(layout: Layout) -> Iterator[str]:
    """The ids of the claims of a layout, in order."""
    yield from layout.lead
    for section in layout.sections:
        for block in section.blocks:
            yield from (name for row in block.rows for cell in row for name in cell) if block.rows else block.claims


def pruned(layout: Layout, known: Collection[str]) -> Layout:
    """The layout with known claims alone, each where it stands first; what is left without any goes with them."""
    left = set(known)

    def taken(names: Sequence[str]) -> tuple[str, ...]:
        kept = tuple(name for name in dict.fromkeys(names) if name in left)
        left.difference_update(kept)
        return kept

    def kept(block: Block) -> Block | None:
        if block.kind == "table" and block.rows:
            cells = [tuple(taken(cell) for cell in row) for row in block.rows]
            rows = [(head, row) for head, row in zip_longest(block.heads, cells, fillvalue="") if row and any(row)]
            heads, full = tuple(str(head) for head, _ in rows), tuple(row for _, row in rows)
            update = {"claims": (), "rows": full, "heads": heads if any(heads) else ()}
            return block.model_copy(update=update) if full else None
        claims = taken(block.claims)
        return block.model_copy(update={"claims": claims, "rows": (), "heads": ()}) if claims else None

    lead, sections = taken(layout.lead), []
    for section in layout.sections:
        blocks = tuple(block for block in map(kept, section.blocks) if block)
        sections += [section.model_copy(update={"blocks": blocks})] if blocks else []
    return Layout(lead=lead, sections=tuple(sections))
