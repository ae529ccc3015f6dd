"""What doctor finds a model able to do, over HTTP; that it is kept; and that a job goes the way that is on record."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from bullpen import research_team
from bullpen.orchestrator import virtual_time
from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.evidence import Draft, Gap
from bullpen.orchestrator.gateway.abilities import FILE, keep_abilities, read_abilities
from bullpen.orchestrator.gateway.deployment import Deployment
from bullpen.orchestrator.gateway.doctor import Bench, Diagnosis, State, examine
from bullpen.orchestrator.gateway.gateway import provider_of
from bullpen.orchestrator.gateway.model import Completion
from bullpen.orchestrator.journal.reader import Run, run_of
from bullpen.orchestrator.replay import replay
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.settings import Rung, load_settings
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ScriptedModel, scripted_system
from bullpen.orchestrator.testing.provider import Fails, Reply, Says, ScriptedProvider, says_json
from bullpen.orchestrator.worker import Context, Worker

from ..dispatch.planned import Planned

NOTES = {
    "notes": [
        {"point": 1, "text": "The Corvin cost 412,000 crowns.", "sentences": [4]},
        {"point": 2, "text": "Its piles had rotted.", "sentences": [7]},
    ]
}


def model(notes: Reply, choice: Reply) -> Any:
    """Greets, knows the colour of grass, and answers the two questions about the ferry so."""

    def answer(body: dict[str, Any]) -> Reply:
        text = " ".join(message["content"] for message in body["messages"])
        if "take notes" in text:
            return notes
        if "name sentences" in text:
            return choice
        return says_json({"colour": "green"}) if "grass" in text else Says("hello")

    return answer


async def examined(answers: Any, **rung: Any) -> Diagnosis:
    with ScriptedProvider(answers) as server:
        one = Rung(model="openai_http:qwen", base_url=server.url, price_in_usd=0, price_out_usd=0, **rung)
        deployment = Deployment.of(one, provider_of(one, {}))
        try:
            return await examine(deployment, Bench(provider_of=lambda each: provider_of(each, {})))
        finally:
            await deployment.provider.aclose()


def noted(*notes: tuple[int, str, int]) -> Reply:
    return says_json({"notes": [{"point": point, "text": text, "sentences": [n]} for point, text, n in notes]})


COST, PILES = (1, "The Corvin cost 412,000 crowns.", 4), (2, "Its piles had rotted.", 7)
#: What weak models make of the task, as they were seen to.
WEAK = {
    "the points for notes": noted((1, "What did the present boat cost?", 4), (2, "Why was the east pier closed?", 7)),
    "a note again and again": noted(*[COST] * 6, PILES),
    "the first sentences": noted((1, COST[1], 1), (2, PILES[1], 2)),
    "a note on what is not told": noted(COST, PILES, (3, "The present boat is the Corvin.", 4)),
    "a figure of its own": noted((1, "The Corvin cost 31,000 crowns.", 4), PILES),
    "a point that nobody asked": noted(COST, PILES, (4, "It carries eighteen cars.", 5)),
    "half of it": noted(COST),
    "prose": Says("The Corvin cost 412,000 crowns, and the piles of the east pier had rotted."),
    "the form as it was told": Says('{"notes": [{"point": number of the point, "text": one sentence}]}'),
    "nothing": says_json({"notes": []}),
}


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("what", WEAK)
async def test_a_model_whose_notes_are_not_right_selects(what: str) -> None:
    diagnosis = await examined(model(WEAK[what], says_json({"sentences": [7]})))

    assert diagnosis.ability == "select"


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize(
    "notes",
    [
        noted(PILES, COST),
        noted((1, "412,000 crowns", 4), (1, "It was built in 1988.", 4), (2, "Because its piles had rotted", 7)),
        Says(f"```json\n{json.dumps(NOTES)}\n```"),
        Says(f"<think>Sentence 4, then 7.</think>{json.dumps(NOTES)}"),
    ],
)
async def test_right_notes_are_right_in_any_order_form_and_wording(notes: Reply) -> None:
    assert (await examined(model(notes, Says("never asked")))).ability == "prose"


COPIED = says_json({"notes": [{"point": 1, "text": "What did the present boat cost?", "sentences": [1, 2, 3]}]})


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize(
    ("notes", "choice", "ability", "state"),
    [
        (says_json(NOTES), Says("never asked"), "prose", State.OK),
        (COPIED, says_json({"sentences": [7, 8]}), "select", State.OK),
        (Says("I cannot do that."), says_json({"sentences": [7]}), "select", State.OK),
        (Says("notes notes notes", finish_reason="length"), says_json({"sentences": [7]}), "select", State.OK),
        (COPIED, says_json({"sentences": list(range(1, 11))}), "extract", State.WARNING),
        (COPIED, Says("Seven."), "extract", State.WARNING),
        (Says("hm", finish_reason="length"), Says("hm", finish_reason="length"), None, State.SKIPPED),
        (Fails(500), says_json({"sentences": [7]}), None, State.SKIPPED),
        (COPIED, Fails(500), None, State.SKIPPED),
    ],
)
async def test_doctor_finds_out_what_a_model_is_able_to_do(
    notes: Reply, choice: Reply, ability: str | None, state: State
) -> None:
    diagnosis = await examined(model(notes, choice))
    (check,) = [each for each in diagnosis.checks if each.name == "ability"]

    assert (diagnosis.ability, check.state) == (ability, state)
    assert diagnosis.can_answer


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("outcome", "mend"),
    [(Outcome.TIMED_OUT, "--timeout"), (Outcome.STALLED, "first_s"), (Outcome.TRUNCATED, "")],
)
async def test_what_keeps_doctor_from_finding_out_is_to_be_mended(outcome: Outcome, mend: str) -> None:
    unsaid = Completion(outcome, detail="cut off")
    answers = {"doctor_greeting": "hello", "doctor_colour": {"colour": "green"}, "doctor_notes": unsaid}
    scripted = ScriptedModel(answers | {"doctor_choice": unsaid})
    deployment = Deployment.of(Rung(model="scripted:m", price_in_usd=0, price_out_usd=0), scripted)
    diagnosis = await examine(deployment, Bench(provider_of=scripted))
    (check,) = [each for each in diagnosis.checks if each.name == "ability"]

    assert (diagnosis.ability, check.state) == (None, State.SKIPPED)
    assert mend in check.mend
    assert bool(check.mend) is bool(mend)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_what_is_set_is_not_found_out_and_not_kept() -> None:
    diagnosis = await examined(model(COPIED, COPIED), ability="prose")

    assert diagnosis.ability is None
    assert "prose, as it is set (ability)" in [each.detail for each in diagnosis.checks]


def test_what_was_found_is_kept_beside_what_is_known_and_no_more_than_is_read(tmp_path: Path) -> None:
    project = tmp_path / "project"
    assert read_abilities(project) == {}
    keep_abilities(project, {})
    assert not project.exists()
    keep_abilities(project, {"a": "prose", "b": "select"})
    keep_abilities(project, {"a": "extract"})
    assert read_abilities(project) == {"a": "extract", "b": "select"}
    keep_abilities(project, {f"m{n}": "prose" for n in range(600)})
    assert len(read_abilities(project)) == 500


@pytest.mark.parametrize("content", ["", "[]", "{", '{"abilities": 3}', '{"abilities": {"a": "wizard"}}', "[" * 9999])
def test_a_file_that_says_something_else_says_nothing(content: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(content)

    assert read_abilities(tmp_path) == {}


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / FILE).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(BadInput, match="is a link"):
        read_abilities(tmp_path)


class Tell(Worker):
    """Tells the way of its role."""

    async def run(self, task: str, ctx: Context) -> Draft:
        return Draft(gaps=(Gap(task="tell", reason="Told", detail=await ctx.way()),))


TEAM = Team(supervisor=Planned(Plan(tasks=(PlannedTask(id="t", worker="tell", input="x"),))), workers=(Tell,))


def kinds(run: Run) -> list[str]:
    return [event.kind for event in run.events]


async def told(project: Path, *rungs: Rung, fork_of: Run | None = None, before: Run | None = None) -> Run:
    given: dict[str, Any] = {"rungs": rungs, "project": project}
    before_it = [] if before is None else before.events[: 1 + kinds(before).index("model.way_chosen")]
    async with scripted_system(TEAM, ScriptedModel({}), before=before_it, **given) as system:
        if fork_of is not None:
            await anyio.lowlevel.checkpoint()
            system.chance.getrandbits(64)  # another id than the first job's
        opened = system.fork(fork_of) if fork_of else system.resume(before.id) if before else system.launch("What?")
        async with opened as job:
            report = await job.result()
            return run_of(Path(f"{report.job}.run"), [event async for event in job.events()])


def way(run: Run) -> str:
    assert run.report is not None
    return run.report.gaps[0].detail


def test_a_job_goes_the_way_that_was_found_and_its_record_goes_the_same(tmp_path: Path) -> None:
    """Though the file says something else meanwhile."""
    rung, other = Rung(model="scripted:m"), Rung(model="scripted:other", roles=("plan",), ability="prose")
    keep_abilities(tmp_path, {"scripted:m": "select"})
    run = virtual_time.run(lambda: told(tmp_path, other, rung))
    (tmp_path / FILE).write_text(json.dumps({"abilities": {"scripted:m": "prose"}}))

    assert way(run) == "select"
    assert way(virtual_time.run(lambda: told(tmp_path, rung))) == "prose"
    assert way(virtual_time.run(lambda: told(tmp_path, rung, fork_of=run))) == "select"
    assert way(virtual_time.run(lambda: told(tmp_path, rung, before=run))) == "select"
    assert replay(run, TEAM, load_settings(rungs=(rung,))).is_same
    (chosen,) = [event.value for event in run.events if event.kind == "model.way_chosen"]
    assert chosen == {"way": "select", "rung": "scripted:m"}


def test_where_no_rung_serves_a_role_rules_do_its_work(tmp_path: Path) -> None:
    assert way(virtual_time.run(lambda: told(tmp_path, Rung(model="scripted:m", roles=("plan",))))) == "extract"


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_embedded_model_says_that_it_extracts() -> None:
    rung = Rung(model="embedded:extract")
    card = await Deployment.of(rung, provider_of(rung, research_team.providers)).card()

    assert card.ability == "extract"
