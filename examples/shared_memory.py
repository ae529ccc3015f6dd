"""Workers that share a memory and do not agree: `python examples/shared_memory.py`. It needs no key.

Two of them note what a document says about one subject. The third recalls both notes, sees that they stand against each
other, and lets one stand, with a reason. `bullpen memory recall "cost of the pilot" --history` shows it afterwards.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bullpen import Claim, Context, Draft, Plan, PlannedTask, Quote, Worker, research_sync, research_team

HERE = Path(__file__).parent
ABOUT = "cost of the pilot"
WORDS = {
    "six-month-evaluation.md": "The night bus pilot cost £171,400 in total",
    "budget-note.md": "With these items the full cost of the night bus pilot was £201,100",
}


class Read(Worker):
    """Notes what one document says about the cost."""

    async def run(self, task: str, ctx: Context) -> str:
        text = await ctx.memory.read(task, 0, 1_000_000)
        start = text.index(WORDS[task])
        quote = Quote(source=task, start=start, end=start + len(WORDS[task]), text=WORDS[task])
        version = await ctx.memory.add(Claim(text=WORDS[task], quotes=(quote,)), about=ABOUT)
        return f"what is known is at version {version}"


class Decide(Worker):
    """Lets one of the notes stand: the one that counts more."""

    async def run(self, task: None, ctx: Context) -> Draft:
        notes = await ctx.memory.recall(ABOUT)
        for note in notes:
            print(f"{note.source} says: {note.text} ({len(note.contradicts)} against it)")
        fuller = next(note for note in notes if "full cost" in note.text)
        version = max(note.version for note in notes)
        kept = await ctx.memory.resolve(fuller, reason="it counts what the other leaves out", expects=version)
        print(
            f"{kept.source} stands, in place of {len(kept.supersedes)}; {len(await ctx.memory.recall(ABOUT))} is left"
        )
        quote = Quote(source=kept.source, start=kept.start, end=kept.end, text=kept.text)
        return Draft(claims=(Claim(text=kept.text, quotes=(quote,)),))


class Supervisor:
    """Has both documents read, then has it decided."""

    async def brief(self, question: str, ctx: Context) -> str:
        return question

    async def plan(self, brief: str, ctx: Context) -> Plan:
        reads = tuple(PlannedTask(id=f"read-{n}", worker="read", input=name) for n, name in enumerate(WORDS, start=1))
        after = tuple(task.id for task in reads)
        return Plan(tasks=(*reads, PlannedTask(id="decide", worker="decide", input=None, after=after)))

    async def review(self, brief: str, results: Sequence[object], ctx: Context) -> None:
        return None


if __name__ == "__main__":
    team = replace(research_team, supervisor=lambda workers, settings: Supervisor(), workers=(Read, Decide))
    report = research_sync("What did the night bus pilot cost?", team=team, corpus=HERE / "corpus")
    print(report.text)
