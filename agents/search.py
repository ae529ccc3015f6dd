"""The search worker: sub-question in; what metadata answers and the passages that bear on it out.

What protects whoever asks stands here, for every model alike: a question that the documents do not bear on is refused,
with the words that are missing, before any model is asked to say something about it. Documents alone are searched: what
other workers wrote travels along the plan, so that equal jobs find equal passages however fast their workers are.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

from pydantic import Field

from ..memory.context import in_turns
from ..orchestrator.errors import NothingFound
from ..orchestrator.evidence import Claim, Passage, Query, Source, Value
from ..orchestrator.metadata import ID, Condition, Mentions, elements
from ..orchestrator.text import shorten
from ..orchestrator.worker import Context, Worker
from .catalogue import fused, sources_of
from .coverage import (
    COMMON,
    RARE,
    REFUSED_BELOW,
    SELDOM,
    WEAK_BELOW,
    best_share,
    contains,
    is_name,
    key_words,
    unknown_names,
    weights,
)
from .inquiry import Inquiry, read_question
from .lookup import claims_of
from .meaning import closeness_of, doubt, listed, trust
from .multihop import search_in_hops
from .parts import items_of
from .selection import names_of
from .spelling import corrections, likely, misspelt, one_edit_away, respelt
from .wording import calls

_PASSAGES_MOST = 16
#: Where evidence is weak: hops, and the passages that they add at most.
_HOPS, _REACHED_MOST = 2, 8
#: Another query is not worth its while when less than this share of its passages is new.
_GAIN_LEAST = 0.25
#: Of a question over several documents: those that are read, and of each thing that it enumerates, at most; and the
#: passages by which these are found.
_WIDE_MOST, _ITEM_MOST, _ITEM_PASSAGES = 14, 2, 8
#: The documents that it may mean by the values of their fields.
_MEANT_MOST = 40
#: The best of them whose beginnings are searched for names of others, characters of a beginning, and names.
_FOLLOWED, _TEXT_MOST, _NAMED_MOST = 5, 20_000, 8
#: A document with less than this share of what the best one holds of the question is beside it.
_BESIDE = 0.5
#: What the share of a document counts more that is named by the value of a field.
_OWN = 2
#: Up to so many sources that metadata answers with are also read, at most so many passages of each.
_READ_MOST, _EACH_MOST = 12, 2
#: Conditions that so few sources meet were meant as they were read.
_FEW = 2


class Found(Value):
    """What bears on one part of a question."""

    passages: tuple[Passage, ...] = ()
    #: What metadata answers, exactly; the answer first.
    claims: tuple[Claim, ...] = ()
    #: The question's words that the look-up accounts for.
    explained: tuple[str, ...] = ()
    #: What each telling word of the question counts: its rarity in the documents, from 0 to 1.
    rarity: dict[str, float] = Field(default_factory=dict)
    #: Whether each source has something to say, rather than the best few.
    each: bool = False
    #: Why the passages may not answer the question; empty where they bear on all of it.
    weak: str = ""


class Searches(Value):
    """What to search the documents for, in words that they would use."""

    queries: tuple[str, ...]


class Located(Value):
    """Where the words of some queries stand: by document, best first, the offsets of passages, best first."""

    queries: tuple[str, ...]
    documents: dict[str, tuple[int, ...]] = Field(default_factory=dict)


class Search(Worker):
    """Finds what the project's documents say on one part of the question, in their metadata and in their text."""

    async def run(self, task: Query | Searches, ctx: Context) -> Found | Located:
        return await (_found(task, ctx) if isinstance(task, Query) else located(task.queries, ctx))


async def located(queries: Sequence[str], ctx: Context, *, limit: int = _PASSAGES_MOST) -> Located:
    """The documents in which each query finds passages, by all of them together."""
    found = [await ctx.memory.search(query, limit=limit, findings=False) for query in dict.fromkeys(queries)]
    offsets: dict[str, list[int]] = {name: [] for name in fused([sources_of(passages) for passages in found])}
    for passage in in_turns(found):
        offsets[passage.source].append(passage.start)
    return Located(queries=tuple(queries), documents={name: tuple(places) for name, places in offsets.items()})


async def _found(task: Query, ctx: Context) -> Found:
    """What bears on one part of a question, by rule alone."""
    try:
        looked, refused = await _looked(task, ctx), None
    except NothingFound as error:
        looked, refused = Found(), error
    if looked.claims:
        return await _with_text(task, looked, ctx)
    corrected = await _corrections(task, ctx)
    if corrected:
        try:
            return await _corrected(task, corrected, ctx)
        except NothingFound as error:
            ctx.note(f"as it is written, then: {error}", corrected=corrected)
    if refused:
        raise refused
    return await _from_text(task, ctx)


async def _corrected(task: Query, corrected: Mapping[str, str], ctx: Context) -> Found:
    """What is found for a question whose typing errors are corrected; how it was read stands with why it is weak."""
    texts = {"question": respelt(task.question, corrected), "about": respelt(task.about, corrected)}
    spelt = task.model_copy(update=texts)
    looked = await _looked(spelt, ctx)
    found = await _with_text(spelt, looked, ctx) if looked.claims else await _from_text(spelt, ctx)
    read = listed([f"“{word}” as “{right}”" for word, right in corrected.items()])
    return found.model_copy(update={"weak": " ".join(filter(None, [f"Read {read}.", found.weak]))})


async def _corrections(task: Query, ctx: Context) -> dict[str, str]:
    """The question's typing errors: words that stand in no document, each with the one that is nearly written so."""
    whole = f"{task.question} {task.about}"
    rarity = await ctx.memory.rarity(key_words(whole))
    odd = misspelt(rarity)
    fields = (await ctx.memory.mentions(task.question)).fields if odd else ()
    odd = [word for word in odd if not any(calls(field.name, word) for field in fields)]
    if not odd:
        return {}
    ways = likely(odd, await ctx.memory.rarity([spelt for word in odd for spelt in one_edit_away(word)]))
    search = partial(ctx.memory.search, limit=_PASSAGES_MOST, findings=False)
    texts = [text for likeliest in ways.values() for text in _texts(await search(" ".join(likeliest)))]
    return corrections(rarity, ways, texts)


# Metadata


async def _looked(task: Query, ctx: Context) -> Found:
    """What metadata answers of the question, else of this part of it. Raises NothingFound by name."""
    looked = await _look_up(task.question, await ctx.memory.mentions(task.question), ctx)
    if not looked.claims and task.about != task.question:
        looked = await _look_up(task.about, await ctx.memory.mentions(task.about), ctx)
    return looked


async def _look_up(question: str, mentions: Mentions, ctx: Context) -> Found:
    """What metadata answers; nothing for a question that is not about metadata. Raises NothingFound by name."""
    inquiry = read_question(question, mentions)
    if inquiry is None:
        return Found()
    sources = await ctx.memory.select(inquiry.where) if inquiry.where else ()
    foreign = await _foreign(inquiry, len(sources), ctx)
    if inquiry.unknown and not foreign:
        raise NothingFound(f"not among the documents: {', '.join(map(repr, inquiry.unknown))}")
    if foreign or inquiry.unknown:
        ctx.note("metadata does not answer this: words that it knows nothing of", words=foreign)
        return Found()
    sources = sources or await ctx.memory.select(inquiry.where)
    if not sources:
        raise NothingFound(f"no document meets all of: {_said(inquiry.where)}")
    claims = claims_of(inquiry, sources, await _referred(inquiry, sources, mentions, ctx))
    explained = tuple(word for word in key_words(question) if word not in inquiry.left)
    return Found(claims=claims, explained=explained)


async def _foreign(inquiry: Inquiry, sources: int, ctx: Context) -> list[str]:
    """The words left over that are too rare for the question to be about metadata alone.

    Among many sources a condition overheard would count or list the wrong ones, so little is let pass there. A table by
    year says itself what it counts.
    """
    if not inquiry.left or (inquiry.by_year and inquiry.divided):
        return []
    rarity = await ctx.memory.rarity(inquiry.left)
    most = RARE if inquiry.rule == "lookup" else COMMON
    most = SELDOM if 0 < sources <= _FEW else most
    return [word for word in inquiry.left if rarity[word] >= most]


async def _referred(inquiry: Inquiry, sources: Sequence[Source], mentions: Mentions, ctx: Context) -> dict[str, Source]:
    """The sources that the first asked field refers to, by what it says."""
    references = {field.name for field in mentions.fields if field.kind == "reference"}
    if not inquiry.then and (inquiry.rule != "lookup" or inquiry.fields[0] not in references):
        return {}
    items = [str(item) for source in sources for item in elements(source.metadata.get(inquiry.fields[0]))]
    found: dict[str, Source] = {}
    for item in dict.fromkeys(items):
        names = (item, *(f"{series} {item}" for series in mentions.series))
        for source in (await ctx.memory.select([Condition(field=ID, op="is", values=names)]))[:1]:
            found[item] = source
    return found


def _said(where: Sequence[Condition]) -> str:
    return ", ".join(f"{condition.field} {condition.op} {' or '.join(condition.values)}".strip() for condition in where)


async def _within(task: Query, claims: Sequence[Claim], ctx: Context) -> tuple[Passage, ...]:
    """Passages of the sources that metadata answered with, some of each, where they are few."""
    sources = list(dict.fromkeys(record.source for claim in claims for record in claim.records))
    if len(sources) > _READ_MOST:
        return ()
    search = partial(ctx.memory.search, task.about, limit=_EACH_MOST, findings=False)
    return tuple([passage for source in sources for passage in await search(sources=[source])])


async def _with_text(task: Query, looked: Found, ctx: Context) -> Found:
    """What metadata answers, with what the text of its sources says on the words that metadata knows nothing of."""
    rarity = dict(await ctx.memory.rarity(key_words(task.about)))
    left = [word for word, rare in rarity.items() if word not in looked.explained and rare >= COMMON]
    if not left:
        return looked.model_copy(update={"rarity": rarity})
    passages = await _within(task, looked.claims, ctx)
    texts = _texts(passages)
    nowhere = [word for word in left if texts and not any(contains(text, word) for text in texts)]
    unheard = listed([f"“{word}”" for word in nowhere])
    weak = f"What the fields of the documents say answers this without regard to {unheard}." if nowhere else ""
    return looked.model_copy(update={"passages": passages, "rarity": rarity, "each": True, "weak": weak})


# Text


async def _from_text(task: Query, ctx: Context) -> Found:
    """The passages that bear on the question, and why they may not answer it. Raises NothingFound where none do."""
    mentions = await ctx.memory.mentions(task.question)
    passages = await _search(task, await _named(task.question, mentions, ctx), ctx)
    words = key_words(task.about)
    rarity = dict(await ctx.memory.rarity(words))
    held = best_share(weights(words, rarity, _texts(passages)), passages)
    if REFUSED_BELOW <= held < WEAK_BELOW:  # what is asked may be said in a document that the question cannot name
        passages = await _followed(task.about, passages, ctx)
    weak = await _judge(task.about, weights(words, rarity, _texts(passages)), mentions, passages, ctx)
    if task.effort == "fact":
        return Found(passages=passages, rarity=rarity, weak=weak)
    wide = await _widened(task, passages, weights(words, rarity, _texts(passages)), mentions, ctx)
    if weak:  # what the first passages lack may stand in the others
        weak = await _judge(task.about, weights(words, rarity, _texts(wide)), mentions, (*passages, *wide), ctx)
    return Found(passages=wide, rarity=rarity, each=True, weak=weak)


async def _widened(
    task: Query, passages: Sequence[Passage], rarity: Mapping[str, float], mentions: Mentions, ctx: Context
) -> tuple[Passage, ...]:
    """The best passages of each document that bears on the question: those that it names, by one value of many too,
    those that the whole of it finds, or one of the things that it enumerates, and those that the best of these name."""
    search = partial(ctx.memory.search, findings=False)
    meant = await _named(task.question, mentions, ctx, most=_MEANT_MOST)
    best = sources_of(await search(task.about, limit=_MEANT_MOST, sources=meant)) if meant else ()
    items = items_of(task.about)
    rankings = [best, sources_of(passages)]
    rankings += [sources_of(await search(item, limit=_ITEM_PASSAGES))[:_ITEM_MOST] for item in items]
    told = await _named_in(fused(rankings)[:_FOLLOWED], ctx)
    names = dict.fromkeys((*best[:_WIDE_MOST], *fused([*rankings, told])))
    found = {name: await search(task.about, limit=_EACH_MOST, sources=[name]) for name in list(names)[:_WIDE_MOST]}
    shares = {name: best_share(rarity, passages) for name, passages in found.items()}
    least = _BESIDE * max(shares.values(), default=0.0)
    shares = {name: share * (_OWN if name in best else 1) for name, share in shares.items()}
    kept = sorted((name for name, share in shares.items() if share >= least), key=lambda name: -shares[name])
    ctx.note("documents that bear on the question", items=items, meant=best, told=told, kept=kept)
    return tuple(passage for name in kept for passage in found[name])


async def _named_in(sources: Sequence[str], ctx: Context) -> tuple[str, ...]:
    """The documents that these name more than once in their text: the most often named first."""
    counted: Counter[str] = Counter()
    for name in sources:
        mentions = await ctx.memory.mentions(await ctx.memory.read(name, 0, _TEXT_MOST))
        told = [m.sources[0] for m in mentions.found if m.kind == "source" and len(m.sources) == 1]
        counted.update(other for other in told if other != name)
    return tuple(name for name, times in counted.most_common(_NAMED_MOST) if times > 1)


async def _named(question: str, mentions: Mentions, ctx: Context, *, most: int = _READ_MOST) -> list[str]:
    """The sources that a question names: by id or title, else by a value that no more than `most` have."""
    named = [source for mention in mentions.found if mention.kind == "source" for source in mention.sources]
    conditions = [] if named else names_of(question, mentions)
    if conditions:
        meant = await ctx.memory.select(conditions, fields=[condition.field for condition in conditions])
        named = [source.id for source in meant] if len(meant) <= most else []
    return list(dict.fromkeys(named))


async def _search(task: Query, named: Sequence[str], ctx: Context) -> tuple[Passage, ...]:
    """The passages that share most with the question; where it names sources that say enough, theirs alone."""
    found: dict[tuple[str, int], Passage] = {}
    if named:
        first = await ctx.memory.search(task.about, limit=_PASSAGES_MOST, sources=named, findings=False)
        if await _says_enough(task.about, first, ctx):
            return first
        found = {(passage.source, passage.start): passage for passage in first[: _PASSAGES_MOST // 2]}
    for query in dict.fromkeys((task.about, task.question)):
        passages = await ctx.memory.search(query, limit=_PASSAGES_MOST, findings=False)
        new = {(passage.source, passage.start): passage for passage in passages}
        gain = len(new.keys() - found.keys()) / max(1, len(passages))
        found = found | new
        if gain < _GAIN_LEAST:
            ctx.note("stopped searching: little is new", query=query, gain=round(gain, 2))
            break
    distinct = {passage.text: passage for passage in reversed(found.values())}  # of two copies of a file, the first
    return tuple(passage for passage in found.values() if distinct[passage.text] is passage)[:_PASSAGES_MOST]


async def _followed(about: str, passages: Sequence[Passage], ctx: Context) -> tuple[Passage, ...]:
    """The passages, then what the names in them lead to."""
    search = partial(ctx.memory.search, findings=False)
    reached = await search_in_hops(about, search, ctx.memory.rarity, hops=_HOPS, limit=_REACHED_MOST)
    later = [found for found in reached if found.hop > 1]
    said = [f"{found.passage.title or found.passage.source}, by {found.query!r}" for found in later]
    ctx.note("followed names in what was found", reached=said)
    distinct: dict[str, Passage] = {}
    for passage in (*passages, *(found.passage for found in later)):
        distinct.setdefault(passage.text, passage)
    return tuple(distinct.values())


async def _says_enough(about: str, passages: Sequence[Passage], ctx: Context) -> bool:
    """Whether passages hold what is asked about, but for the names by which they were found."""
    words = [word for word in key_words(about) if not is_name(word)]
    return best_share(await ctx.memory.rarity(words), passages) >= WEAK_BELOW if words else bool(passages)


async def _judge(
    about: str, weighted: Mapping[str, float], mentions: Mentions, passages: Sequence[Passage], ctx: Context
) -> str:
    """Why the evidence is weak, or nothing. Raises NothingFound, naming the words, when it is none at all."""
    texts = _texts(passages)
    held = best_share(weighted, passages)
    nowhere = [word for word in weighted if not any(contains(text, word) for text in texts)]
    near = await closeness_of(about, passages, ctx) if held < REFUSED_BELOW else None
    nearest = max(near.values(), default=0.0) if near else None
    ctx.note("how much of the question the documents hold", share=round(held, 2), nowhere=nowhere, nearest=nearest)
    found = {word: weight for word, weight in weighted.items() if word not in nowhere}
    trusted = trust(held, found, near) if passages else "none"
    if trusted == "none":
        raise NothingFound(f"the documents do not seem to say {shorten(about, 120)!r}: {doubt(nowhere, passages)}")
    unknown = [name for name in unknown_names(mentions) if not any(name.casefold() in t.casefold() for t in texts)]
    unknown += [m.text for m in mentions.found if m.kind == "unknown" and m.field == ID]
    if unknown:
        names = listed([f"“{name}”" for name in dict.fromkeys(unknown)])
        return f"Not among the documents: {names}."
    return doubt(nowhere, passages) if trusted == "weak" else ""


def _texts(passages: Sequence[Passage]) -> list[str]:
    return [f"{passage.title}\n{passage.heading}\n{passage.text}" for passage in passages]
