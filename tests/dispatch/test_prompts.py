"""Prompts edited while a process lives: what is sent and what is on record are of one reading, a job's own."""

import importlib.util
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bullpen.orchestrator import virtual_time
from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.gateway.templates import BYTES_MOST, parse_template, read_prompts
from bullpen.orchestrator.ids import digest
from bullpen.orchestrator.journal.events import Event
from bullpen.orchestrator.launched import LaunchedJob
from bullpen.orchestrator.made_of import made_of
from bullpen.orchestrator.rules.plan import Plan, PlannedTask
from bullpen.orchestrator.settings import load_settings
from bullpen.orchestrator.team import Team
from bullpen.orchestrator.testing import ScriptedModel, scripted_system
from bullpen.orchestrator.worker import Context, Worker

from ..words.odd import Outside
from .planned import Planned


class Turns:
    """When a worker may ask, and when it is to end."""

    def __init__(self) -> None:
        self.given, self.are_over, self.asked = anyio.Semaphore(0), False, 0

    def give(self) -> None:
        self.asked += 1
        self.given.release()

    def end(self) -> None:
        self.are_over = True
        self.given.release()


#: Those of the job that was launched last.
NEWEST = [Turns()]


class AskInTurn(Worker):
    """Asks whenever it is its turn."""

    async def run(self, task: str, ctx: Context) -> int:
        turns, asked = NEWEST[-1], 0
        while True:
            await turns.given.acquire()
            if turns.are_over and asked == turns.asked:
                return asked
            asked += 1
            await ctx.ask("q", n=asked)


PLAN = Plan(tasks=(PlannedTask(id="t", worker="ask_in_turn", input="x"),))
TEAM = Team(supervisor=Planned(PLAN), workers=(AskInTurn,))


def text_of(n: int) -> str:
    return f"---\nversion: {n}\n---\n[system]\nS{n}\n[user]\nU{n}\n"


def edit(path: Path, n: int) -> str:
    path.write_text(text_of(n))
    return text_of(n)


class Job:
    """A job under way: what its prompt was when it was launched, and how it is given a turn."""

    def __init__(self, launched: LaunchedJob, text: str) -> None:
        self.launched, self.text, self.turns = launched, text, NEWEST[-1]


def assert_of_one_reading(job: Job, events: list[Event]) -> None:
    """What was sent, its hash and the fingerprint on record are all of the text that the job began with."""
    sent = [event.value for event in events if event.kind == "model.attempted"]
    accepted = next(event.value for event in events if event.kind == "job.accepted")
    template = parse_template("q", job.text, "")
    assert len(sent) == job.turns.asked
    assert accepted["made_of"]["prompt q"] == digest(job.text)[:12]
    for attempt in sent:
        assert attempt["template"]["hash"] == template.hash
        assert [message["content"] for message in attempt["messages"]] == [template.system, template.user]


async def played(path: Path, actions: list[tuple[str, int]]) -> list[Job]:
    """The jobs of a process that edits its prompt, launches and lets jobs ask, in this order."""
    text, found = edit(path, 0), list[Job]()
    model = ScriptedModel({"q": "yes"})
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(scripted_system(TEAM, model, prompts={"q": path}))
        for action, n in actions:
            if action == "edit":
                text = edit(path, n)
            elif action == "launch":
                NEWEST.append(Turns())
                found.append(Job(await stack.enter_async_context(system.launch(f"Job {len(found)}?")), text))
                await anyio.sleep(1)
            elif found:
                found[n % len(found)].turns.give()
                await anyio.sleep(1)
        for job in found:
            job.turns.end()
            await job.launched.result()
            assert_of_one_reading(job, [event async for event in job.launched.events()])
    return found


ACTIONS = st.lists(st.tuples(st.sampled_from(["edit", "launch", "ask"]), st.integers(0, 5)), max_size=12)


@hypothesis_settings(max_examples=40, deadline=None)
@given(actions=ACTIONS)
def test_a_job_asks_with_what_it_began_with_and_its_record_says_so(
    tmp_path_factory: pytest.TempPathFactory, actions: list[tuple[str, int]]
) -> None:
    path = tmp_path_factory.mktemp("prompts") / "q.md"

    virtual_time.run(lambda: played(path, actions))


def test_a_later_job_of_the_same_process_asks_with_the_new_text(tmp_path: Path) -> None:
    script = [("launch", 0), ("ask", 0), ("edit", 7), ("ask", 0), ("launch", 0), ("ask", 1), ("ask", 0)]

    first, second = virtual_time.run(lambda: played(tmp_path / "q.md", script))

    assert (first.text, second.text) == (text_of(0), text_of(7))


@pytest.mark.parametrize("held", [b"no sections", b"---\nversion: 1\n---\n[system]\n\xff\n[user]\n"])
def test_a_malformed_edit_fails_the_jobs_that_begin_after_it_by_name_and_no_other(tmp_path: Path, held: bytes) -> None:
    path = tmp_path / "q.md"

    edit(path, 1)

    async def story() -> None:
        NEWEST.append(Turns())
        async with scripted_system(TEAM, ScriptedModel({"q": "yes"}), prompts={"q": path}) as system:
            async with system.launch("What?") as job:
                break_it()
                NEWEST[-1].give()
                NEWEST[-1].end()
                await job.result()
                assert job.results["t"].output == 1
            with pytest.raises(BadInput, match=r"q\.md"):
                async with system.launch("And then?"):
                    raise AssertionError("it was launched")

    def break_it() -> None:
        path.write_bytes(held)

    virtual_time.run(story)


@pytest.mark.parametrize("odd", ["dangling link", "link to a folder", "pipe", "folder", "socket"])
def test_a_prompt_is_read_from_a_regular_file_wherever_a_link_leads(tmp_path: Path, odd: str) -> None:
    edit(tmp_path / "there.md", 1)
    (tmp_path / "link.md").symlink_to(tmp_path / "there.md")
    Outside(tmp_path).stand_in(odd, tmp_path / "odd.md")
    (tmp_path / "large.md").write_bytes(b"x" * (BYTES_MOST + 1))

    assert read_prompts((), {"q": tmp_path / "link.md"}).by_name() == {"q": text_of(1).encode()}
    with pytest.raises(
        BadInput, match=r"^'\S+' is a \w+ where only a regular file is opened|^prompt 'q' cannot be read"
    ):
        read_prompts((), {"q": tmp_path / "odd.md"})
    with pytest.raises(BadInput, match=rf"large\.md' is over {BYTES_MOST} bytes"):
        read_prompts((), {"q": tmp_path / "large.md"})


def test_what_is_loaded_keeps_its_fingerprint_when_its_file_is_edited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (
        "from bullpen import Context, Worker\n"
        "class Say(Worker):\n"
        "    async def run(self, task: str, ctx: Context) -> str:\n"
        "        return task\n"
    )
    file = tmp_path / "said_here.py"
    file.write_text(source)
    spec = importlib.util.spec_from_file_location("said_here", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "said_here", module)
    spec.loader.exec_module(module)
    team = Team(supervisor=Planned(Plan()), workers=(module.Say,))

    async def story() -> None:
        async with scripted_system(team, ScriptedModel({})) as system:
            file.write_text(source.replace("return task", "return 2 * task"))
            async with system.launch("What?") as job:
                await job.result()
                accepted = next(event.value for event in [event async for event in job.events()])
        assert accepted["made_of"]["worker say"] == digest(source)[:12]

    virtual_time.run(story)
    assert made_of(team, load_settings())["worker say"] == digest(source)[:12]


def test_prompts_of_one_name_in_two_folders_are_both_in_its_fingerprint(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
        (folder / "q.md").write_text(text_of(1))
    before = read_prompts([first, second], {}).by_name()
    (first / "q.md").write_text(text_of(2))

    assert read_prompts([first, second], {}).by_name() != before
