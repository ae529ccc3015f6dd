"""How a job ends: a pipeline from what its tasks returned to a report, as a value and as text.

    values → draft → evidence → claims that hold → checks of the team, one by one → status → text

A team brings three of these as pure functions: what the values of its tasks come to, checks of `Draft, Evidence ->
Draft`, and how its reports are written. What stands between them nobody can take away: whatever a check returns is
held against the evidence again, and what raises is a gap with a name. Nothing here asks a model.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

from pydantic import ValidationError

from .codec import decoded
from .dispatch import SKIPPED, Dispatch, Equipment
from .envelope import Result, Status, as_kind
from .errors import BadInput
from .evidence import (
    Calls,
    CheckEffect,
    Draft,
    Evidence,
    Finding,
    Gap,
    MadeBy,
    Output,
    Passage,
    Quote,
    Report,
)
from .frames.attempt import Guarded, guard
from .frames.frame import Frame
from .ids import StepKey
from .journal.step import StepKind, Steps
from .journal.tally import Tally
from .ports import Memory
from .rules import report as rules
from .rules.compose import Compose, compose
from .worker import Contract

EVIDENCE = StepKind(None, "evidence.checked", "evidence.failed")

#: What the values of a job's tasks, in the order of the plans, come to as a draft; None where they are not for one.
Drafting = Callable[[Sequence[object]], Draft | None]
#: A check that a team brings: a draft whose claims hold in, the draft as it should be out. It changes nothing else.
DraftCheck = Callable[[Draft, Evidence], Draft]


@dataclass(frozen=True)
class Finish:
    """How the jobs of a team end."""

    draft: Drafting = rules.draft_of
    checks: tuple[DraftCheck, ...] = ()
    compose: Compose = compose


@dataclass(frozen=True)
class Ended:
    """A job whose work is over: what was asked, what is missing, and how it ended where not by itself or not well."""

    question: str
    has_corpus: bool
    gaps: tuple[Gap, ...]
    status: Status | None = None


class Finisher:
    """Makes the report of one job from what its tasks have returned."""

    def __init__(self, finish: Finish, dispatch: Dispatch, equipment: Equipment, tally: Tally, steps: Steps) -> None:
        self._finish, self._dispatch, self._equipment = finish, dispatch, equipment
        self._tally, self._steps = tally, steps
        #: What went wrong on the way to the report.
        self._gaps: list[Gap] = []

    async def report(self, ended: Ended) -> Report:
        """The report. Whatever code of the team's own raises, what its tasks have found out is in it."""
        results = self._dispatch.results
        drafted = await self._drafted(results)
        draft, evidence = await self._with_evidence(drafted or Draft())
        draft, effects = (draft, ()) if drafted is None else await self._checked(draft, evidence)
        gaps = (*ended.gaps, *rules.gaps_of(results, skipped=SKIPPED), *draft.gaps)
        outputs = self._outputs(drafted)
        expects = ended.has_corpus or drafted is not None

        def made(text: str) -> Report:
            all_gaps = (*gaps, *self._gaps)
            status = _status(ended.status, draft, all_gaps, results, outputs, expects_claims=expects)
            said = {"status": status, "text": text, "gaps": all_gaps, "outputs": outputs, "checks": effects}
            return Report(**{**dict(draft), **self._facts(), **said})

        notice = " ".join(said for lane, said in self._equipment.notices.items() if lane in self._tally.lanes)
        if self._finish.compose is not compose:
            write = partial(self._finish.compose, ended.question, made(""), evidence, notice=notice)
            written = await self._guarded("compose", write, str)
            if written.failure is None:
                return made(written.value)
        return made(compose(ended.question, made(""), evidence, notice=notice))

    async def _drafted(self, results: Sequence[Result]) -> Draft | None:
        """What the tasks have returned as a draft; where the team's own way fails, their drafts or findings."""
        values = [
            _typed(result, self._equipment.contracts[result.worker]) for result in results if result.status.delivered
        ]
        if self._finish.draft is not rules.draft_of:
            found = await self._guarded("draft", partial(self._finish.draft, values), Draft | None)
            if found.failure is None:
                drafted: Draft | None = found.value
                return drafted
        return rules.draft_of(values)

    async def _with_evidence(self, draft: Draft) -> tuple[Draft, Evidence]:
        """The draft without what has no evidence. The words around each quote go into the run, with their source.

        A memory that fails, or takes too long, leaves nothing that may be claimed.
        """
        equipment = self._equipment
        effect = partial(_evidence_of, draft, equipment.memory)
        frame = Frame(equipment.job, "evidence", equipment.settings.finish_timeout_s, self._steps.note)
        step = partial(self._steps.run, EVIDENCE, "memory", draft, effect, Evidence.model_validate)
        found = await guard(equipment.frames, frame, step)
        if found.failure is None:
            return rules.only_supported(draft, found.value), found.value
        lost = f"{found.failure.detail}; {len(draft.claims)} claims could not be checked and are left out"
        unchecked = Gap(task="evidence", reason=found.failure.type, detail=lost)
        kept = {"gaps": (*draft.gaps, unchecked), "claims": (), "disagreements": (), "layout": None, "checked": None}
        return draft.model_copy(update=kept), Evidence()

    async def _checked(self, draft: Draft, evidence: Evidence) -> tuple[Draft, tuple[CheckEffect, ...]]:
        """The draft as the team's checks leave it, and what each did; one that fails leaves it as it was."""
        effects = []
        for check in self._finish.checks:
            name = name_of(check)
            found = await self._guarded(f"check {name}", partial(_asked, check, draft, evidence), Draft)
            after = draft if found.failure else rules.held(found.value, draft, evidence)
            if effect := rules.effect_of(name, draft, after):
                self._steps.note("check.applied", effect)
                effects.append(effect)
            draft = after
        return draft, tuple(effects)

    async def _guarded(self, name: str, code: Callable[[], Any], kind: Any) -> Guarded:
        """What code of the team's own returns, which must be of this kind; a gap where it is not, or raises."""

        async def run() -> Any:
            if isinstance(value := code(), kind):
                return value
            raise BadInput(f"it returned {type(value).__name__}, not {getattr(kind, '__name__', kind)}")

        equipment = self._equipment
        frame = Frame(equipment.job, name, equipment.settings.finish_timeout_s, self._steps.note)
        found = await guard(equipment.frames, frame, run)
        if found.failure is not None:
            detail = f"{name} of the team failed and was left out: {found.failure.detail or found.failure.type}"
            self._gaps.append(Gap(task=name, reason=found.failure.type, detail=detail))
        return found

    def _outputs(self, draft: Draft | None) -> tuple[Output, ...]:
        """What the team returned that is no draft. Where it has a worker that writes drafts, a draft or findings are
        what it found out, and all else is how: that goes from worker to worker and to nobody else."""
        contracts = self._equipment.contracts
        if draft is not None and any(_promises(contract.returns, Draft) for contract in contracts.values()):
            return ()
        delivered = [result for result in self._dispatch.final if result.status.delivered]
        return rules.outputs_of((result, _typed(result, contracts[result.worker])) for result in delivered)

    def _facts(self) -> dict[str, Any]:
        """Who answered, and what it has cost."""
        tally = self._tally
        return {
            "job": self._equipment.job,
            "degraded": tally.degraded,
            "made_by": MadeBy(lane="+".join(sorted(tally.lanes)), models=tuple(sorted(tally.models))),
            "cost_usd": tally.micro_usd / 1e6,
            "estimated_usd": tally.estimated_micro_usd / 1e6,
            "seconds": tally.seconds,
            "calls": Calls(model=tally.model_calls, tool=tally.tool_calls),
        }


def _typed(result: Result, contract: Contract) -> object:
    """What a worker returned for a task, in the type of its annotation; plain JSON where it has become another.

    Where the annotation says nothing, what has the shape of a draft or a finding is taken for one.
    """
    shapes: tuple[type, ...] = (Draft, Finding) if contract.returns in (Any, object) and result.output else ()
    readers: list[Callable[[Any], object]] = [*(partial(as_kind, shape) for shape in shapes)]
    readers.append(partial(decoded, contract.output))
    for read in readers:
        with suppress(ValidationError):
            return read(result.output)
    return result.output


def _promises(annotation: Any, kind: type) -> bool:
    """Whether an annotation is this type, or has it among its parts; one that says nothing (`Any`) does not."""
    if isinstance(annotation, type) and not get_args(annotation):
        return issubclass(annotation, kind)
    return any(_promises(part, kind) for part in get_args(annotation))


def name_of(check: Any) -> str:
    """What a check is called: as its function, under `functools.partial` too, or as the class that it is of."""
    function = check.func if isinstance(check, partial) else check
    return str(getattr(function, "__name__", type(function).__name__))


def _asked(check: DraftCheck, draft: Draft, evidence: Evidence) -> Any:
    """What a check makes of a draft, as a journal would give it back: with types as they should be.

    The evidence that it is given is a copy, so that nothing it does there changes what claims are held against.
    """
    returned = check(draft, evidence.model_copy(deep=True))
    if not isinstance(returned, Draft):
        return returned
    return Draft.model_validate(returned.model_dump(mode="json", warnings=False))


def _status(
    ended: Status | None,
    draft: Draft,
    gaps: Sequence[Gap],
    results: tuple[Result, ...],
    outputs: tuple[Output, ...],
    *,
    expects_claims: bool,
) -> Status:
    if ended is Status.CANCELLED or (ended is not None and not rules.has_answer(draft, outputs)):
        return ended
    return rules.status_of(draft, gaps, results, expects_claims=expects_claims, outputs=outputs)


async def _evidence_of(draft: Draft, memory: Memory | None, _: StepKey) -> Evidence:
    """The sources that a draft rests on, and the words around each quote."""
    claims = (*draft.claims, *(claim for one in draft.disagreements for claim in one.claims))
    names = dict.fromkeys(
        [
            *(quote.source for quote in rules.quotes_of(claims)),
            *(record.source for claim in claims for record in claim.records),
            *(document.source for document in draft.documents),
        ]
    )
    sources = [await memory.source(name) for name in names] if memory else []
    known = {source.id: source for source in sources if source}
    passages = [await _around(memory, quote) for quote in rules.quotes_of(claims) if memory and quote.source in known]
    return Evidence(sources=tuple(known.values()), passages=tuple(passage for passage in passages if passage))


async def _around(memory: Memory, quote: Quote) -> Passage | None:
    """The quote with some words on each side, as they stand in the source; None where it has no such span."""
    before = await memory.read(quote.source, 0, quote.start)
    start = max(0, quote.start - rules.AROUND)
    text = before[start:] + await memory.read(quote.source, quote.start, quote.end + rules.AROUND)
    if not text:
        return None
    line = before.count("\n") + 1
    page = before.count("\f") + 1 if "\f" in before + text else 0
    return Passage(source=quote.source, title="", start=start, end=start + len(text), text=text, line=line, page=page)
