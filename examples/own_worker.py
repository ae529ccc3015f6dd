"""A worker of your own, in the research team: `python examples/own_worker.py`.

`Figures` gathers sentences with numbers. With a model (a key, or a server named in the environment) the model picks
them; without one, the worker picks them itself, and the report says so.
"""

import re
import sys
from pathlib import Path

from bullpen import Claim, Context, Finding, NoAnswer, Query, Quote, Worker, research_sync, research_team

HERE = Path(__file__).parent


class Figures(Worker):
    """Finds sentences that state a figure: an amount, a share or a date."""

    async def run(self, task: Query, ctx: Context) -> Finding:
        passages = await ctx.memory.search(task.about, limit=4)
        try:
            wanted = await ctx.ask("figures", returns=list[str], about=task.about, passages=passages)
        except NoAnswer:
            wanted = [s for p in passages for s in re.split(r"(?<=[.!?])\s+|\n+", p.text) if re.search(r"\d", s)]
        claims: list[Claim] = []
        for passage in passages:
            for text in wanted:
                start = passage.start + passage.text.find(text)
                if text in passage.text and len(claims) < 4:
                    quote = Quote(source=passage.source, start=start, end=start + len(text), text=text)
                    claims.append(Claim(text=text, quotes=(quote,)))
        return Finding(about=task.about, claims=tuple(claims))


if __name__ == "__main__":
    question = "What did the night bus pilot cost?"
    report = research_sync(question, team=research_team.with_worker(Figures), corpus=sys.argv[1:] or HERE / "corpus")
    print(report.text)
    print(f"{report.status}, {len(report.claims)} claims, ${report.cost_usd:.4f}, made by {report.made_by.lane}")
