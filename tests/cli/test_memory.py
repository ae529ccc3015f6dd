"""What `bullpen memory` prints and exits with, over a memory that was filled at once."""

import json
import stat
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import pytest

from bullpen.agents import research_team
from bullpen.memory import HashedEmbedder, open_in_memory, open_memory
from bullpen.memory.embedding import Vector
from bullpen.orchestrator.cli.app import main
from bullpen.orchestrator.cli.memory_rebuild import Lines
from bullpen.orchestrator.evidence import Document
from bullpen.orchestrator.ingest import corpus_of
from bullpen.orchestrator.ports import MemoryFactory, Note, Stored
from bullpen.orchestrator.settings import Settings, load_settings

from ..words.odd import ODD, Outside

Command = Callable[..., tuple[int, str, str]]

MINUTES = "# Costs\n\nThe pilot cost 48,000 crowns. Nurses were riding the night bus."
DOCUMENTS = [
    Document(id="minutes.md", title="Minutes", uri="/town/minutes.md", text=MINUTES, metadata={"status": "Final"}),
    Document(id="letter.txt", title="Letter", uri="/town/letter.txt", text="It cost us 52,500 crowns, fuel included."),
]
JOB = "01a1fff9-fcb4-77e6-8a1e-afa7db8a944e"
HOSTILE = "cost \x1b[31mred\x9b \u202e crowns"


def note(key: str, text: str, **more: Any) -> Note:
    given: dict[str, Any] = {"source": "letter.txt", "start": 0, "end": 24, "scope": JOB, "about": "cost", **more}
    return Note(key=key, text=text, **{"writer": "read", "run": JOB, "task": "read-1", **given})


def fill(folder: Path, *notes: Note, documents: Sequence[Document] = (), open_it: MemoryFactory = open_memory) -> None:
    async def filled() -> None:
        async with open_it(folder, load_settings()) as memory:
            await memory.ingest("town", documents)
            for each in notes:
                await memory.add(each)

    anyio.run(filled)


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs the command in a folder without a project: its status and what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(*args: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bullpen", "memory", *args])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


@pytest.fixture
def memory(nothing: Command) -> Command:
    """The same in a folder whose project remembers two documents and what they say about the cost."""
    against = (note("aa-1", "It cost 48,000.", source="minutes.md"), note("bb-2", "It cost 52,500."))
    fill(Path(".bullpen/memory"), *against, documents=DOCUMENTS)
    return nothing


@pytest.fixture
def team(monkeypatch: pytest.MonkeyPatch) -> Callable[[MemoryFactory | None], str]:
    """Names a team that has this memory."""

    def named(factory: MemoryFactory | None) -> str:
        module = ModuleType("others")
        module.team = replace(research_team, memory=factory)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "others", module)
        return "--team=others:team"

    return named


def read(out: str) -> Any:
    return json.loads(out)


# What there is


def test_stats_say_what_there_is(memory: Command) -> None:
    status, out, err = memory("stats")
    told = read(memory("stats", "--json")[1])

    assert (status, err) == (0, "")
    assert out.splitlines()[1:6] == [
        "documents 2, in 2 passages",
        "notes     2, 1 subject in conflict: `bullpen memory recall` lists them",
        "embedder  hash-256, words alone rank",
        "vectors   4, none to be made",
        "index     has seen every passage",
    ]
    assert out.splitlines()[-1].split() == ["town", "2", "/town"]
    assert (told["corpora"], told["read_from"]) == ({"town": 2}, {"town": "/town"})
    assert (told["sources"], told["notes"], told["conflicts"], told["embedder"]) == (2, 2, 1, "hash-256")
    assert told["bytes"] >= Path(".bullpen/memory/records.sqlite").stat().st_size


def test_everything_is_exported_a_line_each_and_the_last_one_counts(memory: Command) -> None:
    status, out, _ = memory("export")
    first, second, *notes, last = map(json.loads, out.splitlines())

    assert status == 0
    assert [(row["kind"], row["id"], row["corpus"]) for row in (first, second)] == [
        ("source", "minutes.md", "town"),
        ("source", "letter.txt", "town"),
    ]
    assert first["text"] == MINUTES
    assert [(row["key"], row["contradicts"]) for row in notes] == [("aa-1", ["bb-2"]), ("bb-2", ["aa-1"])]
    assert last == {"kind": "end", "sources": 2, "notes": 2}


@pytest.mark.parametrize("odd", ODD)
def test_an_export_is_private_whole_and_never_behind_a_link(memory: Command, tmp_path: Path, odd: str) -> None:
    outside = Outside(tmp_path)
    outside.stand_in(odd, tmp_path / "odd.jsonl")
    Path("linked").symlink_to(tmp_path / "outside" / "folder")
    Path("wide.jsonl").write_text("mine")
    Path("wide.jsonl").chmod(0o666)

    for out, said in (("odd.jsonl", "where only a regular file is opened"), ("linked/all.jsonl", "is not followed")):
        status, _, err = memory("export", "--out", out, "--force")
        assert (status, err.count("\n"), said in err) == (2, 1, True)
    assert memory("export", "--out", "wide.jsonl", "--force")[0] == 0

    assert outside.is_untouched()
    assert stat.S_IMODE(Path("wide.jsonl").stat().st_mode) == 0o600
    assert Path("wide.jsonl").read_text(encoding="utf-8") == memory("export")[1]


def test_a_file_is_never_overwritten_unasked(memory: Command) -> None:
    assert memory("export", "--out", "all.jsonl")[:2] == (0, "2 sources and 2 notes exported to all.jsonl\n")
    assert Path("all.jsonl").read_text(encoding="utf-8") == memory("export")[1]
    Path("all.jsonl").write_text("mine")

    status, _, err = memory("export", "--out", "all.jsonl")
    assert (status, err) == (2, "bullpen: 'all.jsonl' is there already; --force replaces it\n")
    assert Path("all.jsonl").read_text() == "mine"
    told = read(memory("export", "--out", "all.jsonl", "--force", "--json")[1])
    assert told == {"file": "all.jsonl", "bytes": Path("all.jsonl").stat().st_size, "sources": 2, "notes": 2}
    assert memory("export", "--out", "nowhere/all.jsonl")[0] == 2
    assert sorted(path.name for path in Path().iterdir()) == [".bullpen", "all.jsonl"]


# Finding


def test_a_search_marks_the_words_in_all_their_forms(memory: Command) -> None:
    status, out, _ = memory("search", "the ride of a nurse at night")
    [found] = read(memory("search", "the ride of a nurse at night", "--json")[1])["passages"]

    assert status == 0
    assert out.splitlines()[0].startswith("  1. minutes.md 0..")
    assert "**Nurses** were **riding** the **night** bus." in out
    assert [MINUTES[start:end] for start, end in found["marked"]] == ["Nurses", "riding", "night"]
    assert (found["source"], found["title"], found["heading"]) == ("minutes.md", "Minutes", "Costs")


def test_a_search_is_narrowed(memory: Command) -> None:
    def found(*args: str) -> list[tuple[str, int]]:
        passages = read(memory("search", "cost crowns", "--json", *args)[1])["passages"]
        return [(passage["source"], passage["start"]) for passage in passages]

    assert found() == [("minutes.md", 0), ("letter.txt", 0)]
    assert found("--limit", "1") == [("minutes.md", 0)]
    assert found("--where", "status=final") == [("minutes.md", 0)]
    assert found("--where", "status=final", "--source", "letter.txt") == []
    assert found("--source", "letter.txt", "--diversity", "0.5") == [("letter.txt", 0)]
    assert found("--corpus", "town") == found()
    assert len(found("--job", JOB)) == 4


def test_a_corpus_is_named_by_the_path_it_was_read_from(nothing: Command) -> None:
    read_from = corpus_of([Path("docs")])

    async def filled() -> None:
        async with open_memory(Path(".bullpen/memory")) as memory:
            await memory.ingest(read_from, DOCUMENTS)
            await memory.ingest("other", [DOCUMENTS[1].model_copy(update={"id": "other"})])

    anyio.run(filled)
    found = read(nothing("search", "crowns", "--corpus", "docs", "--json")[1])["passages"]

    assert {passage["source"] for passage in found} == {"minutes.md", "letter.txt"}
    assert len(read(nothing("search", "crowns", "--json")[1])["passages"]) == 3


def test_what_is_not_found_is_said_to_be(memory: Command) -> None:
    assert memory("search", "tungsten") == (4, "nothing is found: no passage shares a word with 'tungsten'\n", "")
    assert read(memory("search", "tungsten", "--json")[1])["passages"] == []
    assert "with these conditions" in memory("search", "cost", "--where", "status=draft")[1]
    assert memory("why", "tungsten")[0] == 4


def test_why_says_on_what_a_rank_rests(memory: Command) -> None:
    status, out, _ = memory("why", "fuel for nurses", "--limit", "2")
    told = read(memory("why", "fuel for nurses", "--json", "--limit", "2")[1])

    assert status == 0
    assert "number 1 by words, meaning does not rank here; shares fuel" in out
    assert [(row["place"], row["by_words"], row["by_meaning"]) for row in told["found"]] == [(1, 1, None), (2, 2, None)]
    assert [row["words"] for row in told["found"]] == [["fuel"], ["nurs"]]
    assert told["is_semantic"] is False


def test_why_says_why_a_source_is_not_found(memory: Command) -> None:
    def verdict(words: str, source: str, *args: str) -> str:
        return str(read(memory("why", words, source, "--json", *args)[1])["verdict"])

    [first, second] = [row["source"] for row in read(memory("search", "crowns", "--json")[1])["passages"]]
    assert verdict("crowns", second) == f"source {second!r} is found: its best passage is number 2"
    below = verdict("crowns", second, "--limit", "1")
    assert below == f"source {second!r} is not among the best 1: of the best 200 it is number 2"
    assert verdict("crowns", first, "--limit", "1") == f"source {first!r} is found: its best passage is number 1"
    assert verdict("nurses", "letter.txt").endswith("no passage of it shares a word with what was asked")
    assert memory("why", "nurses", "letter.txt")[0] == 4


def test_a_source_that_says_what_another_did_is_counted_and_explained(memory: Command) -> None:
    fill(Path(".bullpen/memory"), documents=[*DOCUMENTS, DOCUMENTS[1].model_copy(update={"id": "copy.txt"})])

    assert "documents 3, in 3 passages; 1 say what others did before\n" in memory("stats")[1]
    assert read(memory("stats", "--json")[1])["duplicates"] == 1
    assert len(read(memory("search", "fuel", "--json")[1])["passages"]) == 1
    verdict = read(memory("why", "fuel", "copy.txt", "--json")[1])["verdict"]
    assert verdict.endswith("; a search shows it as 'letter.txt', which says the same")
    assert ";" not in read(memory("why", "fuel", "letter.txt", "--json")[1])["verdict"]


def test_why_says_that_very_many_are_better(memory: Command) -> None:
    better = [Document(id=f"{n}", title="", uri=f"{n}", text="crowns crowns crowns") for n in range(201)]
    fill(Path(".bullpen/memory"), documents=[*DOCUMENTS, *better])

    assert memory("why", "crowns", "letter.txt")[1] == (
        "source 'letter.txt' is not found: it is not among the best 200\n"
    )


def test_why_says_that_a_source_is_in_another_corpus(memory: Command) -> None:
    async def more() -> None:
        async with open_memory(Path(".bullpen/memory")) as opened:
            await opened.ingest("harbour", [Document(id="log", title="", uri="log", text="The ship cost nothing.")])

    anyio.run(more)
    assert "is in a corpus that was not searched\n" in memory("why", "cost", "log", "--corpus", "town")[1]
    assert "not searched, and no passage of it shares" in memory("why", "nurses", "log", "--corpus", "town")[1]


# Notes


def test_subjects_are_listed_those_in_conflict_first(memory: Command) -> None:
    fill(Path(".bullpen/memory"), note("cc", "It was short.", about="length"), note("dd", "Nothing.", about=""))
    status, out, _ = memory("recall")
    rows = read(memory("recall", "--json")[1])

    assert status == 0
    first, second = (line.split() for line in out.splitlines()[1:])
    assert (first[:4], second[:3]) == (["cost", JOB, "2", "yes"], ["length", JOB, "1"])
    assert [(row["about"], row["notes"], row["in_conflict"]) for row in rows] == [
        ("cost", 2, True),
        ("length", 1, False),
    ]
    assert memory("recall", "--job", JOB.replace("0", "9"))[0] == 4


def test_notes_that_stand_against_each_other_are_shown_with_where_they_come_from(memory: Command) -> None:
    status, out, _ = memory("recall", "cost")
    first, second = read(memory("recall", "cost", "--json")[1])

    assert status == 0
    assert f"'cost' in job {JOB}: 2 notes stand against each other" in out
    assert "“It cost us 52,500 crowns”" in out
    assert f"by read, task read-1 of run {JOB}" in out
    assert "  against bb-2\n" in out
    assert (first["key"], first["quote"], second["contradicts"]) == ("aa-1", MINUTES[:24], ["aa-1"])
    assert memory("recall", "length")[:2] == (
        4,
        "nothing is noted about 'length'; `bullpen memory recall` lists subjects\n",
    )


def test_in_a_terminal_they_stand_side_by_side(memory: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    wide = memory("recall", "cost")[1]
    monkeypatch.setenv("COLUMNS", "60")
    narrow = memory("recall", "cost")[1]

    assert any("It cost 48,000." in line and "It cost 52,500." in line for line in wide.splitlines())
    assert not any("It cost 48,000." in line and "It cost 52,500." in line for line in narrow.splitlines())


def test_a_conflict_is_ended_for_a_reason_that_stays_on_record(memory: Command) -> None:
    assert memory("resolve", "aa", "--reason", " ")[::2] == (
        2,
        "bullpen: --reason is empty; say why this one stands, for whoever looks later\n",
    )
    status, out, _ = memory("resolve", "aa", "--reason", "the minutes are audited")

    assert status == 0
    assert out == "'cost': “It cost 48,000.” stands\n  superseded: “It cost 52,500.” (bb-2)\n"
    assert "no subject in conflict" in memory("stats")[1]
    assert "It cost 52,500." not in memory("recall", "cost")[1]
    assert "superseded by aa-1: the minutes are audited (user, " in memory("recall", "cost", "--history")[1]
    again = read(memory("resolve", "aa-1", "--reason", "so", "--json")[1])
    assert (again["note"]["supersedes"], again["superseded"]) == (["bb-2"], [])
    assert memory("resolve", "bb", "--reason", "so")[0] == 2


# Forgetting


def test_nothing_is_forgotten_where_nobody_can_be_asked(memory: Command) -> None:
    for args in (["minutes.md"], ["minutes.md", "--json"], ["--note", "aa"]):
        status, _, err = memory("forget", *args)
        assert (status, err) == (2, "bullpen: what is forgotten is gone, and nobody can be asked here; pass --yes\n")
    assert read(memory("stats", "--json")[1])["sources"] == 2


@pytest.mark.parametrize(("said", "status", "left"), [("y\n", 0, 1), ("\n", 2, 2), ("no\n", 2, 2), ("", 2, 2)])
def test_somebody_is_asked(memory: Command, monkeypatch: pytest.MonkeyPatch, said: str, status: int, left: int) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdin, "readline", lambda: said, raising=False)
    ended, _, err = memory("forget", "minutes.md")

    assert ended == status
    assert err.startswith("forget source 'minutes.md' (Minutes) with 1 notes on it? [y/N] ")
    assert read(memory("stats", "--json")[1])["sources"] == left


def test_a_source_goes_with_what_rests_on_it(memory: Command) -> None:
    assert memory("forget", "minutes.md", "--yes")[:2] == (
        0,
        "source 'minutes.md' (Minutes) with 1 notes on it forgotten\n  cost: It cost 48,000.\n",
    )
    assert read(memory("recall", "cost", "--json")[1])[0]["contradicts"] == []
    told = read(memory("forget", "letter.txt", "--yes", "--json")[1])
    assert (told["source"], [each["key"] for each in told["notes"]]) == ("letter.txt", ["bb-2"])


def test_a_note_is_forgotten_by_the_beginning_of_its_key(memory: Command) -> None:
    fill(Path(".bullpen/memory"), note("bb-3", "more"))

    assert "key 'bb' fits 2 notes; give more of it" in memory("forget", "--note", "bb", "--yes")[2]
    assert "key 'x' is no note's" in memory("forget", "--note", "x", "--yes")[2]
    assert memory("forget", "--note", "bb-3", "--yes")[:2] == (0, "note bb-3 forgotten: more\n")
    memory("resolve", "aa", "--reason", "so")
    assert "  what it has superseded stays so: bb-2\n" in memory("forget", "--note", "aa", "--yes")[1]
    assert read(memory("recall", "cost", "--json")[1]) == []


# Made anew


class Meant(HashedEmbedder):
    """The hashed embedder, taken at its word."""

    id = "meant"
    is_semantic = True


class Another(Meant):
    """One with vectors of its own."""

    id = "another"


class Broken(Another):
    """One that cannot make vectors."""

    def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        raise RuntimeError("the weights are gone")


def opens(embedder: HashedEmbedder) -> MemoryFactory:
    return partial(open_memory, embedder=embedder)


def test_vectors_are_made_anew(memory: Command) -> None:
    status, out, _ = memory("rebuild")

    assert status == 0
    assert out.startswith("4 vectors by hash-256, nothing is lacking; ")
    told = read(memory("rebuild", "--lacking", "--json")[1])
    assert (told["vectors"], told["lacking"], told["pending"]) == (4, 0, 0)


def test_what_is_lacking_is_made(nothing: Command) -> None:
    many = [DOCUMENTS[1].model_copy(update={"id": f"{n}", "text": f"It cost {n} crowns."}) for n in range(1001)]
    fill(Path(".bullpen/memory"), documents=many)
    assert "1,001 to be made, and none is needed while words alone rank\n" in nothing("stats")[1]
    assert "index     has not seen 1,001 passages yet\n" in nothing("stats")[1]

    assert nothing("rebuild", "--lacking")[1].startswith("1,001 vectors by hash-256, nothing is lacking; ")
    assert "index     has seen every passage\n" in nothing("stats")[1]


def test_vectors_of_another_embedder_give_way_to_a_rebuild_alone(
    nothing: Command, team: Callable[[MemoryFactory | None], str]
) -> None:
    fill(Path(".bullpen/memory"), documents=DOCUMENTS, open_it=opens(Meant()))
    another = team(opens(Another()))

    for command in (["stats"], ["rebuild", "--lacking"]):
        status, _, err = nothing(*command, another)
        assert status == 2
        assert err.endswith("or make them anew: bullpen memory rebuild\n")
    assert nothing("rebuild", another)[1].startswith("2 vectors by another, nothing is lacking")
    assert read(nothing("stats", another, "--json")[1])["embedder"] == "another"


def test_another_embedder_than_the_one_set_is_taken_for_once(memory: Command) -> None:
    status, out, err = memory("rebuild", "--embedder", "hashed")
    assert (status, out[:22]) == (0, "4 vectors by hash-256,")
    assert err.splitlines()[-1] == 'set embedder = "hashed" in bullpen.toml, so that jobs search with it'

    Path("bullpen.toml").write_text('embedder = "hashed"\n')
    assert "set embedder" not in memory("rebuild", "--embedder", "hashed")[2]
    status, _, err = memory("rebuild", "--embedder", "nobody")
    assert (status, err.count("\n")) == (2, 1)
    assert "embedder 'nobody'" in err


def test_why_they_cannot_be_made_is_one_line(nothing: Command, team: Callable[[MemoryFactory | None], str]) -> None:
    fill(Path(".bullpen/memory"), documents=DOCUMENTS)
    status, _, err = nothing("rebuild", team(opens(Broken())))

    assert status == 1
    assert err.splitlines()[-1] == "bullpen: vectors of 'another' cannot be made: the weights are gone"
    assert "Traceback" not in err


def test_how_far_it_is_is_said_now_and_then_with_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    for seconds, made in ((0.5, 0), (1.0, 100), (5.5, 500), (10.5, 1000)):
        facts: dict[str, Any] = {"sources": 1, "passages": 1000, "notes": 0, "corpora": {}, "embedder": "e"}
        lines.show(seconds, Stored(**facts, is_semantic=True, vectors=made, lacking=1000 - made, pending=1000 - made))

    assert capsys.readouterr().err.splitlines() == [
        "vectors 0 of 1,000, 1,000 passages to be indexed",
        "vectors 500 of 1,000, 500 passages to be indexed, about 5 s left",
        "vectors 1,000 of 1,000, 0 passages to be indexed, about 0 s left",
    ]


# Mistakes, and text from outside


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["forget", "minutes", "--yes"], "source 'minutes' is not in memory; did you mean 'minutes.md'?"),
        (["forget", "zzzzzzzz", "--yes"], "is not in memory; `bullpen memory export` has them all"),
        (["why", "cost", "lettre.txt"], "did you mean 'letter.txt'?"),
        (["search", "cost", "--source", "\x1b[31m"], "is not in memory; "),
        (["search", "cost", "--corpus", "village"], "there is no corpus 'village' in '.bullpen/memory', but town"),
        (["search", "cost", "--where", "status"], "--where 'status' is not FIELD=VALUE, such as status=Final"),
        (["search", "cost", "--job", "nope"], "there is no job 'nope' in '.bullpen/runs'"),
        (["forget"], "give a SOURCE or --note KEY, and not both"),
        (["forget", "minutes.md", "--note", "aa"], "give a SOURCE or --note KEY, and not both"),
        (["stats", "--project", "elsewhere"], "keeps no memory in 'elsewhere/memory' yet; `bullpen research QUESTION"),
    ],
)
def test_a_mistake_is_one_line_with_the_mend(memory: Command, args: list[str], said: str) -> None:
    status, out, err = memory(*args)

    assert (status, out) == (2, "")
    assert err.startswith("bullpen: ")
    assert err.count("\n") == 1
    assert said in err
    assert "\x1b" not in err


@pytest.mark.parametrize("command", [["stats"], ["search", "x"], ["rebuild"], ["export"], ["recall"]])
def test_no_memory_is_made_by_looking_for_one(nothing: Command, command: list[str]) -> None:
    status, _, err = nothing(*command)

    assert status == 2
    assert err.startswith("bullpen: team 'bullpen.agents:research_team' keeps no memory in '.bullpen/memory' yet; ")
    assert list(Path().iterdir()) == []


def test_an_empty_memory_is_said_to_be(nothing: Command) -> None:
    fill(Path(".bullpen/memory"))

    for command in (["search", "cost"], ["why", "cost"]):
        status, _, err = nothing(*command)
        assert (status, err.count("\n")) == (2, 1)
        assert "holds no document; `bullpen research QUESTION --corpus PATH` reads some" in err
    assert nothing("stats")[1].splitlines()[1] == "documents 0, in 0 passages"
    assert nothing("export")[1] == '{"kind": "end", "sources": 0, "notes": 0}\n'
    assert nothing("recall")[0] == 4


def test_a_team_that_keeps_no_memory_is_named(memory: Command, team: Callable[[MemoryFactory | None], str]) -> None:
    status, _, err = memory("stats", team(open_in_memory))
    assert (status, err) == (
        2,
        "bullpen: the memory of team 'others:team' (InMemory) is not kept between jobs; name another with --team\n",
    )
    assert "team 'others:team' has no memory; name one that has with --team" in memory("stats", team(None))[2]


def test_a_factory_without_a_way_to_be_fresh_is_opened_as_it_is(
    memory: Command, team: Callable[[MemoryFactory | None], str]
) -> None:
    @asynccontextmanager
    async def plain(folder: Path, settings: Settings) -> AsyncIterator[Any]:
        async with open_memory(folder) as opened:
            yield opened

    assert memory("rebuild", team(plain))[0] == 0


def test_nothing_from_a_document_reaches_the_terminal_as_a_command(nothing: Command) -> None:
    hostile = Document(id=f"{HOSTILE}.md", title=HOSTILE, uri=HOSTILE, text=f"# {HOSTILE}\n\n{HOSTILE} 🐋")
    against = [
        note("a", HOSTILE, source=hostile.id, about=HOSTILE, writer=HOSTILE),
        note("b", "b", source=hostile.id, about=HOSTILE),
    ]
    fill(Path(".bullpen/memory"), *against, documents=[hostile])

    commands = [["stats"], ["search", "crowns"], ["why", "crowns", hostile.id], ["recall"], ["recall", HOSTILE]]
    ending = [["resolve", "a", "--reason", HOSTILE], ["recall", HOSTILE, "--history"], ["export"]]
    for command in (*commands, *ending, ["forget", hostile.id, "--yes"]):
        for args in (command, [*command, "--json"]) if command[0] not in ("forget", "export") else (command,):
            status, out, err = nothing(*args)
            assert (status, err) == (0, ""), args
            assert "red" in out or command == ["stats"]
            assert not {"\x1b", "\x9b", "\u202e"} & {*out}, args
            assert "--json" not in args or read(out)
