"""A team's own checks of what it is about to say: in the job, on record, in a replay; evidence has the last word."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bullpen.memory import open_in_memory
from bullpen.orchestrator import virtual_time
from bullpen.orchestrator.envelope import Status
from bullpen.orchestrator.evidence import (
    Block,
    CheckEffect,
    Claim,
    Document,
    Draft,
    Evidence,
    Gap,
    Layout,
    Passage,
    Quote,
    Record,
    Report,
    Section,
    Source,
)
from bullpen.orchestrator.finish import DraftCheck, name_of
from bullpen.orchestrator.journal.events import Event
from bullpen.orchestrator.journal.reader import run_of
from bullpen.orchestrator.made_of import changed, made_of
from bullpen.orchestrator.replay import replay
from bullpen.orchestrator.rules import report as rules
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.settings import Settings, load_settings
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ScriptedModel, scripted_system
from bullpen.orchestrator.worker import Context, Worker

from .planned import Planned

TEXTS = {"minutes": "The pilot cost 48,000 crowns. It ran for six months.", "note": "In all, 48,000 crowns were spent."}
FIELDS = {"status": "Draft"}


def quote(source: str, text: str) -> Quote:
    start = TEXTS[source].index(text)
    return Quote(source=source, start=start, end=start + len(text), text=text)


COST = Claim(
    id="cost", text="It cost 48,000 crowns.", quotes=(quote("minutes", "48,000 crowns"), quote("note", "48,000 crowns"))
)
TIME = Claim(id="time", text="It ran for six months.", quotes=(quote("minutes", "It ran for six months."),))
LAYOUT = Layout(lead=("cost",), sections=(Section(heading="How long", blocks=(Block(kind="list", claims=("time",)),)),))
DRAFT = Draft(claims=(COST, TIME), layout=LAYOUT)


class Say(Worker):
    """Says what it is given."""

    async def run(self, task: Draft, ctx: Context) -> Draft:
        return task


async def read_corpus(paths: Sequence[Path], known: object = None) -> AsyncIterator[Document]:
    await anyio.lowlevel.checkpoint()
    for name, text in TEXTS.items():
        yield Document(id=name, title=name.title(), uri=name, text=text, metadata=FIELDS)


def team(*checks: DraftCheck, draft: Draft = DRAFT, **parts: Any) -> Team:
    plan = Plan(tasks=(PlannedTask(id="say", worker="say", input=draft.model_dump(mode="json")),))
    return Team(Planned(plan), (Say,), memory=open_in_memory, corpus=read_corpus, checks=checks, **parts)


def done(made: Team) -> tuple[Report, list[Event]]:
    async def story() -> tuple[Report, list[Event]]:
        async with scripted_system(made, ScriptedModel({})) as system:
            async with system.launch("What did it cost?", corpus=Path(__file__)) as job:
                return await job.result(), [event async for event in job.events()]

    return virtual_time.run(story)


def with_claims(draft: Draft, *claims: Claim) -> Draft:
    return draft.model_copy(update={"claims": claims})


def two_sources(draft: Draft, evidence: Evidence) -> Draft:
    """Leaves out sentences that rest on fewer than two documents."""
    return with_claims(draft, *(c for c in draft.claims if len({quote.source for quote in c.quotes}) > 1))


def at_most(number: int, draft: Draft, evidence: Evidence) -> Draft:
    return with_claims(draft, *draft.claims[:number])


def test_a_check_of_a_team_has_its_way_and_says_so_on_record_in_the_report_and_in_a_replay() -> None:
    made = team(two_sources, partial(at_most, 5))
    report, events = done(made)

    effect = CheckEffect(check="two_sources", dropped=("It ran for six months.",))
    assert (report.status, report.claims, report.checks) == (Status.OK, (COST,), (effect,))
    assert report.layout == Layout(lead=("cost",))
    assert "six months" not in report.text
    assert "After that, two_sources left out 1 sentence." in report.text
    assert report.as_json()["report"]["checks"] == [effect.model_dump(mode="json")]
    assert [event.value for event in events if event.kind == "check.applied"] == [effect.model_dump(mode="json")]
    run = run_of(Path(f"{report.job}.run"), events)
    assert not list(run.problems())
    assert replay(run, made, load_settings()).is_same
    assert not replay(run, team(), load_settings()).is_same


def test_checks_come_one_after_another_each_with_what_the_one_before_has_left() -> None:
    both = done(team(partial(at_most, 1), two_sources, draft=with_claims(DRAFT, TIME, COST)))[0]
    turned = done(team(two_sources, partial(at_most, 1), draft=with_claims(DRAFT, TIME, COST)))[0]

    assert ([effect.check for effect in both.checks], both.status) == (["at_most", "two_sources"], Status.EMPTY)
    assert ([effect.check for effect in turned.checks], turned.claims) == (["two_sources"], (COST,))


def reworded(draft: Draft, evidence: Evidence) -> Draft:
    return with_claims(draft, *(claim.model_copy(update={"text": claim.text.upper()}) for claim in draft.claims))


def with_another(draft: Draft, evidence: Evidence) -> Draft:
    started = Claim(text="The pilot cost something.", quotes=(quote("minutes", "The pilot cost 48,000 crowns."),))
    return with_claims(draft, *draft.claims, started)


def test_what_a_check_words_anew_or_adds_is_told_and_stands_where_its_quotes_do() -> None:
    report, _ = done(team(reworded, with_another))

    added = "The pilot cost something."
    assert [claim.text for claim in report.claims] == [COST.text.upper(), TIME.text.upper(), added]
    assert report.checks == (
        CheckEffect(check="reworded", changed=((COST.text, COST.text.upper()), (TIME.text, TIME.text.upper()))),
        CheckEffect(check="with_another", added=(added,)),
    )
    assert f"{added} [4]" in report.text


def invented(draft: Draft, evidence: Evidence) -> Draft:
    made_up = Quote(source="minutes", start=0, end=9, text="The pilot was free."[:9])
    return with_claims(
        draft, *draft.claims, Claim(text="It was free.", quotes=(made_up.model_copy(update={"end": 8}),))
    )


def without_evidence(draft: Draft, evidence: Evidence) -> Draft:
    return with_claims(draft, *draft.claims, Claim(text="It was free."))


def forged(draft: Draft, evidence: Evidence) -> Draft:
    """Changes what it was shown, so that a claim would stand."""
    for source in evidence.sources:
        source.metadata["status"] = "Final"
    record = Record(source="minutes", field="status", value="Final")
    return with_claims(draft, *draft.claims, Claim(text="It was free.", records=(record,), rule="field"))


@pytest.mark.parametrize("check", [invented, without_evidence, forged])
def test_no_check_adds_a_claim_whose_evidence_does_not_hold(check: DraftCheck) -> None:
    made = team(check)
    report, events = done(made)

    assert report.claims == (COST, TIME)
    assert [gap.reason for gap in report.gaps] == ["ClaimDropped"]
    assert "free" not in report.text
    assert not report.checks
    assert not list(run_of(Path(f"{report.job}.run"), events).problems())


def fails(draft: Draft, evidence: Evidence) -> Draft:
    raise ZeroDivisionError("no quotes at all")


def leaves(draft: Draft, evidence: Evidence) -> Draft:
    raise SystemExit(3)


def forgets(draft: Draft, evidence: Evidence) -> Any:
    two_sources(draft, evidence)


def breaks(draft: Draft, evidence: Evidence) -> Draft:
    return draft.model_copy(update={"claims": "none"})


@pytest.mark.parametrize(
    ("check", "reason", "said"),
    [
        (fails, "ZeroDivisionError", "no quotes at all"),
        (leaves, "SystemExit", "raised SystemExit by itself"),
        (forgets, "BadInput", "it returned NoneType, not Draft"),
        (breaks, "ValidationError", "claims"),
    ],
)
def test_a_check_that_fails_is_a_gap_with_its_name_and_nothing_is_lost(
    check: DraftCheck, reason: str, said: str
) -> None:
    made = team(check, two_sources)
    report, events = done(made)

    [gap] = report.gaps
    assert (gap.task, gap.reason) == (f"check {name_of(check)}", reason)
    assert said in gap.detail
    assert (report.status, report.claims) == (Status.PARTIAL, (COST,))
    assert [effect.check for effect in report.checks] == ["two_sources"]
    assert replay(run_of(Path(f"{report.job}.run"), events), made, load_settings()).is_same


def test_a_check_may_name_gaps_and_open_points_and_takes_none_away() -> None:
    missing, known = Gap(task="t", reason="Deadline"), Gap(task="say", reason="Odd", detail="x")

    def open_point(draft: Draft, evidence: Evidence) -> Draft:
        return draft.model_copy(update={"gaps": (known,), "not_answered": ("Who paid?",)})

    report, _ = done(team(open_point, draft=DRAFT.model_copy(update={"gaps": (missing,)})))

    assert report.gaps == (missing, known)
    assert (report.status, report.not_answered) == (Status.PARTIAL, ("Who paid?",))
    assert report.checks == (CheckEffect(check="open_point", fields=("not_answered",)),)


def test_without_a_draft_there_is_nothing_to_check() -> None:
    class Count(Worker):
        """Counts."""

        async def run(self, task: None, ctx: Context) -> int:
            return 3

    plan = Plan(tasks=(PlannedTask(id="count", worker="count", input=None),))
    report, _ = done(replace(team(fails), supervisor=Planned(plan), workers=(Count,)))

    assert (report.status, report.gaps, report.read(int)) == (Status.OK, (), 3)


def test_a_text_or_a_draft_that_the_teams_own_code_fails_at_is_made_without_it() -> None:
    def write(question: str, report: Report, evidence: Evidence, *, notice: str = "") -> str:
        return f"{question} {report.status} {len(report.claims)}"

    assert done(team(compose=write))[0].text == "What did it cost? ok 2"
    failing = partial(fails, evidence=Evidence())
    for part, made in (("compose", team(compose=failing)), ("draft", replace(team(), draft=failing))):
        report, _ = done(made)
        [gap] = report.gaps
        assert gap.task == part
        assert (report.status, report.claims) == (Status.PARTIAL, (COST, TIME))
        assert "It cost 48,000 crowns. [1][2]" in report.text
        assert "## What went wrong" in report.text


def test_what_a_job_rests_on_has_its_checks() -> None:
    settings = Settings()
    before, now = made_of(team(two_sources), settings), made_of(team(two_sources).with_check(reworded), settings)

    assert changed(before, now) == ("check reworded",)


def test_a_check_is_called_as_its_function_or_its_class() -> None:
    class Strict:
        def __call__(self, draft: Draft, evidence: Evidence) -> Draft:
            return draft

    assert list(map(name_of, (two_sources, partial(at_most, 3), Strict()))) == ["two_sources", "at_most", "Strict"]


EVIDENCE = Evidence(
    sources=tuple(Source(id=n, title=n, uri=n, text_hash="0", metadata=FIELDS) for n in TEXTS),
    passages=tuple(Passage(source=n, title="", start=0, end=len(text), text=text) for n, text in TEXTS.items()),
)
spans = st.tuples(st.sampled_from(sorted(TEXTS)), st.integers(0, 20), st.integers(1, 12), st.booleans())
quotes = st.builds(
    lambda span: Quote(
        source=span[0],
        start=span[1],
        end=span[1] + span[2],
        text=TEXTS[span[0]][span[1] : span[1] + span[2]] if span[3] else "x" * span[2],
    ),
    spans,
)
claims = st.builds(
    Claim,
    id=st.sampled_from("abc"),
    text=st.sampled_from(["One.", "Two."]),
    quotes=st.lists(quotes, max_size=2).map(tuple),
)
drafts = st.builds(
    lambda found, layout: Draft(claims=tuple(found), layout=Layout(lead=("a", "b", "c")) if layout else None),
    st.lists(claims, max_size=3, unique_by=lambda claim: claim.id),
    st.booleans(),
)


@hypothesis_settings(max_examples=200, deadline=None)
@given(drafts, drafts)
def test_whatever_a_check_returns_what_stands_holds_and_what_it_did_is_told_in_full(
    before: Draft, returned: Draft
) -> None:
    before = rules.only_supported(before, EVIDENCE)
    after = rules.held(returned, before, EVIDENCE)

    assert not any(rules.problem_of(claim, EVIDENCE) for claim in after.claims)
    assert set(before.gaps) <= set(after.gaps)
    old, new = ({claim.id: claim for claim in draft.claims} for draft in (before, after))
    effect = rules.effect_of("check", before, after) or CheckEffect(check="check")
    assert len(old) - len(effect.dropped) + len(effect.added) == len(new)
    assert len(effect.changed) == sum(old[name] != new[name] for name in old.keys() & new.keys())
    assert (effect == CheckEffect(check="check")) == (old == new and before.layout == after.layout)
