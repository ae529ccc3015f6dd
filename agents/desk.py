"""How whole documents are read for a question: what is known after triage, and the plans that follow. Pure.

    triage → (search, summarize, … → analyze) → again, where something is open → … → refine → check

Where all documents fit into one call nothing is chosen: whoever reads them also says what the answer must say.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from pydantic import Field

from ..orchestrator.envelope import Result
from ..orchestrator.evidence import Card, Effort, Query, Record, Value
from ..orchestrator.lookup import Select, Table
from ..orchestrator.rules.plan import Plan, PlannedTask
from .catalogue import expand, rendered_table
from .gaps import GapsTask, Overview
from .parts import kind_of, split_question
from .reading import CALL_TOKENS, Kind, Note, ReadTask, Way, batches
from .refine import WriteTask
from .search import Located, Searches

#: How much work a question of several documents deserves; any other is for one fact.
_EFFORTS: dict[Kind, Effort] = {"comparison": "comparison", "history": "survey", "list": "survey", "survey": "survey"}
_POINTS_MOST = 8


#: Rows of a look-up that a writer is shown (of what is counted, groups), and those whose fields are on record.
_ROWS_MOST, _ROWS_ON_RECORD = 120, 20
#: What a document counts that no card was seen of.
UNSEEN_TOKENS = CALL_TOKENS // 4


class Triage(Value):
    """What the answer to a question must say, and where to look."""

    kind: Kind = "fact"
    #: Each can be understood alone; in the order in which a reader wants them.
    points: tuple[str, ...] = Field(min_length=1, max_length=8)
    #: The ids of the documents to be read, best first.
    documents: tuple[str, ...] = ()
    queries: tuple[str, ...] = Field(default=(), max_length=4)
    lookups: tuple[Select, ...] = Field(default=(), max_length=3)
    #: What the question names that is not among the documents, a sentence each.
    absent: tuple[str, ...] = ()


class Scouted(Value):
    """What to search a large collection for before its catalogue is shown."""

    queries: tuple[str, ...] = Field(default=(), max_length=4)
    lookups: tuple[Select, ...] = Field(default=(), max_length=3)


class Desk(Value):
    """A question after triage. Without points, all documents are read in one call, which finds the points as well."""

    question: str
    way: Way = "prose"
    kind: Kind = "fact"
    points: tuple[str, ...] = ()
    #: Ids of documents, a group for each call.
    groups: tuple[tuple[str, ...], ...] = ()
    queries: tuple[str, ...] = ()
    #: What has been searched for already, and what look-ups came to.
    searched: tuple[str, ...] = ()
    tables: tuple[Note, ...] = ()
    absent: tuple[str, ...] = ()
    #: What people have said since the question was asked.
    notes: tuple[str, ...] = ()
    #: About how many tokens each document has; of a large collection, those on its catalogue.
    tokens: dict[str, int] = Field(default_factory=dict)


def whole(question: str, cards: Sequence[Card], notes: tuple[str, ...]) -> Desk:
    """The desk where all documents are read at once."""
    return Desk(question=question, groups=(tuple(card.source for card in cards),), notes=notes)


def triaged(
    question: str, triage: Triage, seen: Mapping[str, Card], tables: Sequence[Table], searched: Sequence[str]
) -> Desk:
    """The desk after a model has chosen among the cards that it has seen; `@1` is all that the first look-up found.

    A name that no document has is left out.
    """
    tokens = {name: card.tokens for name, card in seen.items()}
    found = [table.sources for table in tables]
    known = list(dict.fromkeys((*tokens, *(name for names in found for name in names))))
    chosen, _ = expand(triage.documents, found, known)
    return Desk(
        question=question,
        kind=triage.kind,
        points=triage.points,
        groups=_groups(chosen, tokens),
        queries=tuple(query for query in triage.queries if query not in searched),
        searched=tuple(searched),
        tables=tuple(noted_table(f"T{n}", table) for n, table in enumerate(tables, start=1) if table.total),
        absent=triage.absent,
        tokens=tokens,
    )


def noted_table(name: str, table: Table) -> Note:
    """What a look-up came to, as a note: its conditions, counts and rows, with the fields of the first of these."""
    records = [
        Record(source=row.source, field=column, value=value)
        for row in table.rows[:_ROWS_ON_RECORD]
        for column, value in (("id", row.source), *zip(table.columns, row.values, strict=True))
        if value is not None
    ]
    text = rendered_table(table, "look-up", most=_ROWS_MOST)
    return Note(id=name, text=text, records=tuple(records), is_table=True)


def by_rule(question: str, notes: tuple[str, ...], way: Way = "extract") -> Desk:
    """The desk of no model, or of one that only selects: what the question itself asks for, part by part."""
    kind = kind_of(question)
    parts = (question,) if kind in _EFFORTS else split_question(question)  # of many documents each is read once
    points = tuple(dict.fromkeys((*parts, *notes)))[:_POINTS_MOST]
    return Desk(question=question, way=way, kind=kind, points=points)


def fits_one_call(cards: Sequence[Card]) -> bool:
    """Whether all documents together can be read in one call."""
    return sum(card.tokens for card in cards) <= CALL_TOKENS


def reading(desk: Desk, gatherers: Sequence[str], fan_out_most: int) -> Plan:
    """The first round: searches and readings, beside every worker that gathers, then a look over all notes."""
    tasks = _readings(desk, desk.groups[:fan_out_most], desk.queries, first=1, but=())
    tasks += _by_part(desk, desk.points[:fan_out_most] if desk.way != "prose" else (), first=1)
    for n, point in enumerate(desk.points or (desk.question,), start=1):
        query = Query(question=desk.question, about=point).model_dump()
        tasks += [PlannedTask(id=f"{name}-{n}", worker=name, input=query) for name in gatherers]
    is_last = desk.way != "prose" or not desk.points  # all there is has been read then
    ids = [task.id for task in tasks if task.worker != "search" or desk.way == "prose"]
    look = _look(desk, ids, desk.queries, round_number=1, is_last=is_last)
    return Plan(tasks=(*tasks, look))


def next_round(
    desk: Desk,
    seen: Overview,
    results: Sequence[Result],
    steered: tuple[str, ...],
    fan_out_most: int,
    *,
    is_last: bool,
) -> Plan:
    """Another round: what the look over the notes asks for; for what people ask meanwhile all is read again."""
    number = 1 + sum(result.worker == "summarize" for result in results)
    read = tuple(one.source for one in seen.documents)
    wanted = {want.document: want.headings for want in seen.want if want.document in read}
    groups = _groups((*(read if steered else wanted), *seen.next_documents), desk.tokens)
    at = desk.model_copy(
        update={"kind": seen.kind, "points": steered or seen.points, "searched": _searched(desk, results)}
    )
    queries = (*steered, *seen.next_queries) if desk.points else ()
    tasks = _readings(at, groups[:fan_out_most], queries, first=number, but=read, sections=wanted)
    if desk.way != "prose":
        tasks = _by_part(at, steered[:fan_out_most], first=number)
    before = [result.task for result in results if result.status.delivered and result.worker != "analyze"]
    ids = [*before, *(task.id for task in tasks)]
    at = at.model_copy(update={"points": (*seen.points, *steered)})
    look = _look(at, ids, queries, round_number=_rounds(results) + 1, is_last=is_last)
    return Plan(tasks=(*tasks, look))


def writing(desk: Desk, results: Sequence[Result]) -> Plan:
    """The report, and the check of it."""
    last = [result.task for result in results if result.worker == "analyze"][-1]
    write = WriteTask(question=desk.question, way=desk.way, absent=desk.absent).model_dump()
    if desk.way != "prose":  # what is quoted as it stands needs no check
        return Plan(tasks=(PlannedTask(id="refine", worker="refine", input=write, after=(last,)),))
    check = Query(question=desk.question, about=desk.question).model_dump()
    return Plan(
        tasks=(
            PlannedTask(id="refine", worker="refine", input=write, after=(last,)),
            PlannedTask(id="check", worker="check", input=check, after=(last, "refine")),
        )
    )


def has_new_notes(results: Sequence[Result]) -> bool:
    """Whether the last round added a note; the first round always counts as one that did."""
    rounds = [result.read(Overview) for result in results if result.worker == "analyze" and result.status.delivered]
    return len(rounds) < 2 or len(rounds[-1].notes) > len(rounds[-2].notes)


def _readings(
    desk: Desk,
    groups: Sequence[Sequence[str]],
    queries: Sequence[str],
    *,
    first: int,
    but: tuple[str, ...],
    sections: dict[str, tuple[str, ...]] | None = None,
) -> list[PlannedTask]:
    task = partial(ReadTask, question=desk.question, way=desk.way, kind=desk.kind, points=desk.points, notes=desk.notes)
    tasks: list[PlannedTask] = []
    known = tuple(dict.fromkeys((*but, *(name for group in groups for name in group))))
    for n, group in enumerate(groups, start=first):
        own = {name: headings for name, headings in (sections or {}).items() if name in group}
        others = tuple(name for name in known if name not in group)
        read = task(documents=tuple(group), others=others, sections=own)
        tasks.append(PlannedTask(id=f"summarize-{n}", worker="summarize", input=read.model_dump()))
    if queries:
        n = first + len(groups)
        found = task(found=True, others=known)
        search = PlannedTask(id=f"search-{n}", worker="search", input=Searches(queries=tuple(queries)).model_dump())
        after = PlannedTask(id=f"summarize-{n}", worker="summarize", input=found.model_dump(), after=(search.id,))
        tasks += [search, after]
    return tasks


def _by_part(desk: Desk, points: Sequence[str], *, first: int) -> list[PlannedTask]:
    """For each point a search by rule, and a reading of what it finds."""
    effort = _EFFORTS.get(desk.kind, "fact")
    tasks: list[PlannedTask] = []
    for n, point in enumerate(points, start=first):
        query = Query(question=desk.question, about=point, effort=effort)
        read = ReadTask(question=desk.question, way=desk.way, kind=desk.kind, points=(point,), found=True)
        search = PlannedTask(id=f"search-{n}", worker="search", input=query.model_dump())
        after = PlannedTask(id=f"summarize-{n}", worker="summarize", input=read.model_dump(), after=(search.id,))
        tasks += [search, after]
    return tasks


def _look(
    desk: Desk, after: Sequence[str], queries: Sequence[str], *, round_number: int, is_last: bool = False
) -> PlannedTask:
    searched = tuple(dict.fromkeys((*desk.searched, *queries)))
    task = GapsTask(
        question=desk.question,
        way=desk.way,
        kind=desk.kind,
        points=desk.points,
        searched=searched,
        is_last=is_last,
        tables=desk.tables,
    )
    return PlannedTask(id=f"analyze-{round_number}", worker="analyze", input=task.model_dump(), after=tuple(after))


def _groups(names: Sequence[str], tokens: Mapping[str, int]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(group) for group in batches([(name, tokens.get(name, UNSEEN_TOKENS)) for name in names]))


def _rounds(results: Sequence[Result]) -> int:
    return sum(result.worker == "analyze" for result in results)


def _searched(desk: Desk, results: Sequence[Result]) -> tuple[str, ...]:
    if desk.way == "extract":  # nobody asks where else to look
        return ()
    found = [result.read(Located) for result in results if result.worker == "search" and result.status.delivered]
    return tuple(dict.fromkeys((*desk.searched, *(query for one in found for query in one.queries))))
