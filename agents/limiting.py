"""Which of the documents that were chosen are read whole, which in outline, and which a limit keeps out. Pure.

An outline is a document's beginning, the sections that a search finds, and the names of those that were cut.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..orchestrator.limits import Limits
from .reading import CALL_TOKENS, Kind

#: Tokens of an outline, and of a document that is read whole and not counted as one.
OUTLINE_TOKENS, SMALL_TOKENS = 1_500, 1_000
#: What a document counts that no card was seen of.
UNSEEN_TOKENS = CALL_TOKENS // 4
#: The documents that are read whole for one fact, and the share of a job's tokens that is kept for what searches find.
_FOR_A_FACT, _FOUND_SHARE = 3, 4
_NAMED_MOST = 6


class Chosen(NamedTuple):
    """The documents to be read, in the order in which they were chosen, and how many tokens of each."""

    tokens: Mapping[str, int]
    outlines: tuple[str, ...] = ()
    #: Those that are not read, for want of room.
    left: tuple[str, ...] = ()

    @property
    def spent(self) -> int:
        """About how many tokens of documents are read."""
        return sum(self.tokens.values())


#: Before anything has been read.
NOTHING = Chosen({})


def found_tokens(limits: Limits) -> int:
    """The tokens of the documents that a round's searches bring."""
    return min(CALL_TOKENS, limits.read_tokens_most // _FOUND_SHARE)


def limited(
    names: Iterable[str],
    tokens: Mapping[str, int],
    limits: Limits,
    kind: Kind,
    before: Chosen = NOTHING,
    kept: int = 0,
) -> Chosen:
    """As many of the documents as the limits allow, best first: whole, then in outline. Those of a list count by their
    tokens alone, since all of its rows are read alike.

    `before` is what the job has read already, `kept` the tokens that something else will need. Of what was read before
    more may be read, which counts in tokens alone.
    """
    room = limits.read_tokens_most - before.spent - kept
    whole = min(limits.whole_documents_most, _FOR_A_FACT) if kind == "fact" else limits.whole_documents_most
    whole -= sum(size > SMALL_TOKENS for name, size in before.tokens.items() if name not in before.outlines)
    outlines = limits.outline_documents_most - len(before.outlines)
    read: dict[str, int] = {}
    outlined: list[str] = []
    left: list[str] = []
    for name in names:
        size = min(tokens.get(name, UNSEEN_TOKENS), limits.document_tokens_most)
        is_free = size <= SMALL_TOKENS or name in before.tokens or kind == "list"
        outline = min(size, OUTLINE_TOKENS)
        if (is_free or whole > 0) and size <= room:
            whole -= not is_free
            read[name] = size
        elif outlines > 0 and outline <= room:
            outlines -= 1
            outlined.append(name)
            read[name] = outline
        else:
            left.append(name)
            continue
        room -= read[name]
    return Chosen(read, tuple(outlined), tuple(left))


def told(left: Sequence[str], limits: Limits, *, is_limited: bool) -> str:
    """Which documents were chosen and not read, and the limits where these are why, for people; "" where all were."""
    if not left:
        return ""
    more = f" and {len(left) - _NAMED_MOST} more" if len(left) > _NAMED_MOST else ""
    what = "a document that was chosen was" if len(left) == 1 else f"{len(left)} documents that were chosen were"
    why = (
        f": this job reads up to {limits.read_tokens_most:,} tokens, {limits.whole_documents_most} documents whole and "
        f"{limits.outline_documents_most} in outline; ask with more effort to have more read"
    )
    return f"{what} not read ({', '.join(left[:_NAMED_MOST])}{more}){why if is_limited else ''}"
