"""How whole documents are read for a question: what is known after triage, and the plans that follow. Pure.

    triage → (search, summarize, … → analyze) → again, where something is open → … → refine → check

Where all documents fit into one call nothing is chosen: whoever reads them also says what the answer must say.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from pydantic import Field

from ..orchestrator.envelope import Result
from ..orchestrator.evidence import Card, Effort, Query, Value
from ..orchestrator.limits import Limits
from ..orchestrator.lookup import Select, Table
from ..orchestrator.rules.plan import Plan, PlannedTask
from .catalogue import expand
from .completeness import Sought, completeness
from .gaps import GapsTask, LookedUp, Overview
from .limiting import OUTLINE_TOKENS, UNSEEN_TOKENS, Chosen, found_tokens, limited, told
from .parts import kind_of, split_question
from .reading import (
    CALL_TOKENS,
    ROW_CALL_TOKENS,
    ROW_DOCUMENT_TOKENS,
    ROWS_A_CALL,
    Kind,
    Note,
    ReadTask,
    Way,
    batches,
)
from .refine import WriteTask
from .search import Located, Searches
from .tables import noted_table

#: Documents of a wider look-up that are read.
_WIDER_MOST = 2 * ROWS_A_CALL
#: How much work a question of several documents deserves; any other is for one fact.
_EFFORTS: dict[Kind, Effort] = {"comparison": "comparison", "history": "survey", "list": "survey", "survey": "survey"}
_POINTS_MOST = 8


class Triage(Value):
    """What the answer to a question must say, and where to look."""

    kind: Kind = "fact"
    #: Each can be understood alone; in the order in which a reader wants them.
    points: tuple[str, ...] = Field(min_length=1, max_length=8)
    #: The ids of the documents to be read, best first.
    documents: tuple[str, ...] = ()
    queries: tuple[str, ...] = Field(default=(), max_length=4)
    lookups: tuple[Select, ...] = Field(default=(), max_length=3)
    #: Of a list whose rows are documents: what is said of each.
    columns: tuple[str, ...] = Field(default=(), max_length=5)
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
    look_ups: tuple[LookedUp, ...] = ()
    #: The columns of a list that is read row by row; none for any other question.
    columns: tuple[str, ...] = ()
    sought: Sought = Sought()
    absent: tuple[str, ...] = ()
    #: Those that are read in outline, and those that are not, for want of room.
    outlines: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    #: What people have said since the question was asked.
    notes: tuple[str, ...] = ()
    #: About how many tokens each document has; of a large collection, those on its catalogue.
    tokens: dict[str, int] = Field(default_factory=dict)


def whole(question: str, cards: Sequence[Card], notes: tuple[str, ...]) -> Desk:
    """The desk where all documents are read at once."""
    names = tuple(card.source for card in cards)
    return Desk(question=question, groups=(names,), sought=Sought(of=len(names), wanted=names), notes=notes)


def triaged(
    question: str,
    triage: Triage,
    seen: Mapping[str, Card],
    tables: Sequence[Table],
    searched: Sequence[str],
    limits: Limits,
) -> Desk:
    """The desk after a model has chosen among the cards that it has seen; `@1` is all that the first look-up found.

    A name that no document has is left out, and what the limits do not allow is not read. Where that leaves nothing to
    do, the question is searched for.
    """
    tokens = {name: card.tokens for name, card in seen.items()}
    found = [table.sources for table in tables]
    known = list(dict.fromkeys((*tokens, *(name for names in found for name in names))))
    names, _ = expand(triage.documents, found, known)
    queries = tuple(query for query in triage.queries if query not in searched)
    if not (names or queries or tables or triage.absent):
        queries = (question,)
    is_list = bool(triage.columns)
    kept = found_tokens(limits) if queries else 0
    chosen = limited(names, _sizes(tokens, is_list), limits, "list" if is_list else triage.kind, kept=kept)
    named = {f"@{n}": table for n, table in enumerate(tables, start=1)}
    read = [table for name, table in named.items() if name in triage.documents]
    matched = {name for table in read for name in table.sources} & {*names}
    conditions = tuple(table.told for table in read)
    return Desk(
        question=question,
        kind=triage.kind,
        points=triage.points,
        groups=_groups(chosen, is_list=is_list),
        outlines=chosen.outlines,
        left=chosen.left,
        queries=queries,
        searched=tuple(searched),
        # Whose rows are read one by one needs none beside its counts.
        tables=tuple(
            noted_table(f"T{n}", table, has_rows=not triage.columns or table not in read)
            for n, table in enumerate(tables, start=1)
            if table.total
        ),
        look_ups=tuple(LookedUp(select=table.select, told=table.told) for table in tables),
        columns=triage.columns,
        sought=Sought(of=len(seen), wanted=tuple(names), matched=len(matched), conditions=conditions),
        absent=triage.absent,
        tokens=tokens,
    )


def by_rule(question: str, notes: tuple[str, ...], way: Way = "extract") -> Desk:
    """The desk of no model, or of one that only selects: what the question itself asks for, part by part."""
    kind = kind_of(question)
    parts = (question,) if kind in _EFFORTS else split_question(question)  # of many documents each is read once
    points = tuple(dict.fromkeys((*parts, *notes)))[:_POINTS_MOST]
    return Desk(question=question, way=way, kind=kind, points=points)


def fits_one_call(cards: Sequence[Card], limits: Limits) -> bool:
    """Whether all documents together can be read in one call."""
    return sum(card.tokens for card in cards) <= min(CALL_TOKENS, limits.read_tokens_most)


def reading(desk: Desk, gatherers: Sequence[str], calls_most: int, limits: Limits) -> Plan:
    """The first round: searches and readings, beside every worker that gathers, then a look over all notes."""
    tasks = _readings(desk, desk.groups[:calls_most], desk.queries, first=1, but=())
    tasks += _by_part(desk, desk.points[:calls_most] if desk.way != "prose" else (), first=1)
    for n, point in enumerate(desk.points or (desk.question,), start=1):
        query = Query(question=desk.question, about=point).model_dump()
        tasks += [PlannedTask(id=f"{name}-{n}", worker=name, input=query) for name in gatherers]
    # Without points all there is has been read.
    is_last = desk.way != "prose" or not desk.points or limits.rounds_most == 1
    ids = [task.id for task in tasks if task.worker != "search" or desk.way == "prose"]
    look = _look(desk, ids, desk.queries, round_number=1, is_last=is_last)
    return Plan(tasks=(*tasks, look))


def next_round(
    desk: Desk,
    seen: Overview,
    results: Sequence[Result],
    steered: tuple[str, ...],
    calls_most: int,
    limits: Limits,
    *,
    is_last: bool,
) -> Plan:
    """Another round: what the look over the notes asks for; for what people ask meanwhile all is read again."""
    number = 1 + sum(result.worker == "summarize" for result in results)
    read = tuple(one.source for one in seen.documents)
    wanted: dict[str, tuple[str, ...]] = {}
    for want in (want for want in seen.want if want.document in read):
        wanted[want.document] = tuple(dict.fromkeys((*wanted.get(want.document, ()), *want.headings)))
    columns = () if steered else desk.columns
    queries = (*steered, *seen.next_queries) if desk.points else ()
    names = (*(read if steered else wanted), *_new(desk, seen))
    kept = found_tokens(limits) if queries else 0
    sizes, done = _sizes(desk.tokens, bool(columns)), _read_before(desk, seen, limits)
    chosen = limited(names, sizes, limits, "list" if columns else seen.kind, done, kept)
    at = desk.model_copy(
        update={
            "kind": seen.kind,
            "points": steered or seen.points,
            "searched": _searched(desk, results),
            "columns": columns,
            "tables": seen.tables,
            "look_ups": seen.look_ups,
            "outlines": chosen.outlines,
        }
    )
    if desk.way == "prose":
        groups = _groups(chosen, is_list=bool(columns))[:calls_most]
        tasks = _readings(at, groups, queries, first=number, but=read, sections=wanted)
    else:
        tasks = _by_part(at, steered[:calls_most], first=number)
    before = [result.task for result in results if result.status.delivered and result.worker != "analyze"]
    ids = [*before, *(task.id for task in tasks)]
    at = at.model_copy(update={"points": (*seen.points, *steered)})
    is_last = is_last or bool(desk.columns)  # a list is widened once
    look = _look(at, ids, queries, round_number=_rounds(results) + 1, is_last=is_last, noted=len(seen.notes))
    return Plan(tasks=(*tasks, look))


def writing(desk: Desk, results: Sequence[Result], limits: Limits) -> Plan:
    """The report, and the check of it."""
    looks = [result for result in results if result.worker == "analyze" and result.status.delivered]
    last = looks[-1].task
    rounds = [result.read(Overview) for result in looks]
    how = completeness(desk.sought, rounds)
    has_failed = any(result.worker == "summarize" and not result.status.delivered for result in results)
    task = WriteTask(
        question=desk.question,
        way=desk.way,
        absent=desk.absent,
        cut=told(_left(desk, rounds), limits, is_limited=bool(desk.left) or not has_failed),
        completeness=how.said,
        unjudged=how.unjudged,
    )
    write = task.model_dump()
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
    task = partial(
        ReadTask,
        question=desk.question,
        way=desk.way,
        kind=desk.kind,
        points=desk.points,
        columns=desk.columns,
        notes=desk.notes,
    )
    tasks: list[PlannedTask] = []
    known = tuple(dict.fromkeys((*but, *(name for group in groups for name in group))))
    for n, group in enumerate(groups, start=first):
        own = {name: headings for name, headings in (sections or {}).items() if name in group}
        others = tuple(name for name in known if name not in group)
        outlines = tuple(name for name in group if name in desk.outlines)
        read = task(documents=tuple(group), others=others, sections=own, outlines=outlines)
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
    desk: Desk, after: Sequence[str], queries: Sequence[str], *, round_number: int, is_last: bool, noted: int = 0
) -> PlannedTask:
    task = GapsTask(
        question=desk.question,
        way=desk.way,
        kind=desk.kind,
        points=desk.points,
        searched=tuple(dict.fromkeys((*desk.searched, *queries))),
        tables=desk.tables,
        look_ups=desk.look_ups,
        columns=desk.columns,
        absent=desk.absent,
        of=desk.sought.of,
        noted=noted,
        is_last=is_last,
    )
    return PlannedTask(id=f"analyze-{round_number}", worker="analyze", input=task.model_dump(), after=tuple(after))


def _sizes(tokens: Mapping[str, int], is_list: bool) -> dict[str, int]:
    """About how many tokens of each document are read: of one that becomes a row not all."""
    return {name: min(size, ROW_DOCUMENT_TOKENS) if is_list else size for name, size in tokens.items()}


def _groups(chosen: Chosen, *, is_list: bool) -> tuple[tuple[str, ...], ...]:
    """The documents of each call."""
    sizes = list(chosen.tokens.items())
    return tuple(map(tuple, batches(sizes, ROW_CALL_TOKENS, ROWS_A_CALL) if is_list else batches(sizes)))


def _read_before(desk: Desk, seen: Overview, limits: Limits) -> Chosen:
    """What has been read so far, and about how much of it."""
    outlines = tuple(one.source for one in seen.documents if one.source in desk.outlines)
    sizes = {
        one.source: min(
            desk.tokens.get(one.source, UNSEEN_TOKENS),
            OUTLINE_TOKENS if one.source in outlines else limits.document_tokens_most,
        )
        for one in seen.documents
    }
    return Chosen(sizes, outlines)


def _new(desk: Desk, seen: Overview) -> tuple[str, ...]:
    """The documents that another round is to read: of those that may belong to a list not all."""
    return seen.next_documents[:_WIDER_MOST] if desk.columns else seen.next_documents


def _left(desk: Desk, looks: Sequence[Overview]) -> tuple[str, ...]:
    """The documents that a round was to read, and are among those at hand, and were not read.

    What the last look asks for is nobody's to read: no round came after it.
    """
    read = {one.source for one in looks[-1].documents}
    asked = (name for look in looks[:-1] for name in _new(desk, look) if name in desk.tokens)
    return tuple(name for name in dict.fromkeys((*desk.left, *desk.sought.wanted, *asked)) if name not in read)


def _rounds(results: Sequence[Result]) -> int:
    return sum(result.worker == "analyze" for result in results)


def _searched(desk: Desk, results: Sequence[Result]) -> tuple[str, ...]:
    if desk.way == "extract":  # nobody asks where else to look
        return ()
    found = [result.read(Located) for result in results if result.worker == "search" and result.status.delivered]
    return tuple(dict.fromkeys((*desk.searched, *(query for one in found for query in one.queries))))
