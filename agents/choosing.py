"""How a model that can only name sentences is asked, and how its choice is put together with that of rules.

For each point of a question the sections that a search ranks best are shown one at a time, their sentences numbered,
the question behind them: of a page a small model names what stands first, of a section what answers. It adds to what
rules choose and takes nothing away, so that its report is no worse than one without it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..memory.context import in_turns
from ..orchestrator.errors import NoAnswer, Overloaded
from ..orchestrator.evidence import Passage, Quote
from ..orchestrator.rules.cleaning import cleaned
from ..orchestrator.rules.numbering import ARROW, Line, Numbered
from ..orchestrator.rules.same_model import without_folder
from ..orchestrator.worker import Context
from .catalogue import fused
from .reading import Chosen, Note, Picked, together

#: Sentences that it adds for a point.
_ADDED_MOST = 5
#: Segments that a model is shown for one point, their lines, sentences that it may name of each, and failures in a row
#: after which it is not asked any more. Among a dozen sentences a small model finds its way; among more it names runs.
_SEGMENTS_MOST, _LINES_LEAST, _LINES_MOST, _PICKED_MOST, _FAILED_MOST = 10, 2, 10, 5, 2


class Segment(NamedTuple):
    """Lines of one section of a document that a search has found."""

    document: Numbered
    lines: tuple[Line, ...]

    def as_asked(self) -> dict[str, str]:
        """It as a prompt is given it: its lines are numbered from 1."""
        source, heading = self.document.source, self.document.heading(self.lines[0].part)
        text = "\n".join(f"[{n}] {line.text}" for n, line in enumerate(self.lines, start=1))
        return {"title": ARROW.join(filter(None, (source.title, heading))), "text": text}

    def quotes(self, picked: Picked) -> list[Quote]:
        """The first few lines that are named, each as a quote: no questions, and no numbers that nobody was shown."""
        numbers = dict.fromkeys(n for n in picked.sentences if 1 <= n <= len(self.lines))
        named = [line for n in numbers if not (line := self.lines[n - 1]).text.endswith("?")][:_PICKED_MOST]
        return [quote for line in named for quote in self.document.quotes([line.number])]


def segments(passages: Sequence[Passage], documents: Mapping[str, Numbered]) -> list[Segment]:
    """What a model is shown one by one: the sections that passages stand in, each once and cut to size, best first."""
    found: dict[tuple[str, int], Segment] = {}
    for passage in passages:
        if (document := documents.get(passage.source)) is None:
            continue
        for n in document.within(passage.start, passage.end):
            lines = [line for line in document.parts[n].lines if line.kind not in ("field", "code", "links")]
            for at in range(0, len(lines), _LINES_MOST):
                cut = tuple(lines[at : at + _LINES_MOST])
                if len(cut) >= _LINES_LEAST and cut[-1].end > passage.start and cut[0].start < passage.end:
                    found.setdefault((passage.source, cut[0].number), Segment(document, cut))
    return list(found.values())[:_SEGMENTS_MOST]


async def choose(point: str, shown: Sequence[Segment], ctx: Context) -> tuple[list[list[Quote]], Chosen]:
    """What a model names in each of these segments. Where it fails that is noted; after two in a row it is spared."""
    named: list[list[Quote]] = []
    model, reason, asked, failed = "", "", 0, 0
    for segment in shown:
        if failed == _FAILED_MOST:
            break
        asked += 1
        try:
            answer = await ctx.answer("select", returns=Picked, question=point, passage=segment.as_asked())
        except (NoAnswer, Overloaded) as error:
            failed, reason = failed + 1, str(error)
            ctx.note(
                f"rules alone choose here: {error}", source=segment.document.source.id, line=segment.lines[0].number
            )
            continue
        failed, model = 0, answer.model
        named.append(segment.quotes(answer.value))
    return named, Chosen(model=model, asked=asked, answered=len(named), reason=reason)


def folded(
    point: int, ruled: Sequence[Note], named: Sequence[Sequence[Quote]], near: Mapping[str, float]
) -> list[Note]:
    """The notes of rules, and one for each sentence that a model adds: first what both chose, then the rest in turns.

    Where a model names what rules have chosen, its other sentences there come before those of segments where it does
    not; what is added is ranked by how `near` its text is to the point as well, where that is known.
    """
    notes = {f"r{n}": note for n, note in enumerate(ruled)}
    by_rule = list(notes)
    places: dict[str, tuple[bool, int]] = {}
    for rank, quotes in enumerate(named):
        names = [_placed(quote, notes, point) for quote in quotes]
        is_odd = not any(name in by_rule for name in names)
        for place, name in enumerate(names):
            places[name] = min((is_odd, rank + place), places.get(name, (True, len(named) + place)))
    by_model = sorted(places, key=lambda name: places[name])
    both = [name for name in fused([by_model, by_rule]) if name in places and name in by_rule]
    added = [name for name in by_model if name not in by_rule]
    nearest = sorted(added, key=lambda name: -near.get(notes[name].text, 0.0))
    added = sorted(fused([added, nearest]), key=lambda name: places[name][0])[:_ADDED_MOST]
    rest = in_turns([[name for name in by_rule if name not in places], added])
    return [notes[name] for name in (*both, *rest)]


def _placed(quote: Quote, notes: dict[str, Note], point: int) -> str:
    """The name of the note of this quote: a new one, or one that holds it or that it holds, which then has it all."""
    name = next((name for name, note in notes.items() if any(_meet(held, quote) for held in note.quotes)), None)
    if name is None:
        name = f"m{len(notes)}"
        notes[name] = Note(point=point, text=cleaned(quote.text), quotes=(quote,), is_added=True)
    elif len(quote.text) > sum(len(held.text) for held in notes[name].quotes):
        notes[name] = notes[name].model_copy(update={"text": cleaned(quote.text), "quotes": (quote,)})
    return name


def _meet(one: Quote, other: Quote) -> bool:
    """Whether one is within the other: a sentence that points back is quoted with the one before it."""
    (inner, outer) = (one, other) if len(one.text) <= len(other.text) else (other, one)
    return inner.source == outer.source and outer.start <= inner.start and inner.end <= outer.end


def chosen_by(readings: Sequence[Chosen]) -> str:
    """Who chose the sentences of a report, in words; "" where no model was asked."""
    whole = together(readings)
    if whole is None:
        return ""
    model = without_folder(whole.model) or "the model"
    return f"rules chose the sentences, and {model} in {whole.answered} of the {whole.asked} passages that it was shown"
