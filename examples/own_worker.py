"""A worker of your own, in the research team: `python examples/own_worker.py`.

`Figures` gathers sentences with figures. It reads documents whose sentences are numbered: a model (a key, or a server
named in the environment) names the numbers, and the quotes are cut from the text. Without a model the worker picks them
itself, and the report says so.
"""

import re
import sys
from pathlib import Path

from bullpen import Claim, Context, Finding, NoAnswer, Query, Worker, research_sync, research_team

HERE = Path(__file__).parent


class Figures(Worker):
    """Names, by their numbers, the sentences that state a figure: an amount, a share or a date. Four at most."""

    async def run(self, task: Query, ctx: Context) -> Finding:
        claims: list[Claim] = []
        for source in dict.fromkeys(passage.source for passage in await ctx.memory.search(task.about, limit=4)):
            if document := await ctx.memory.document(source):
                try:
                    wanted = await ctx.ask("figures", returns=list[int], about=task.about, document=document)
                except NoAnswer:
                    wanted = [
                        n for n, line in document.lines.items() if line.kind != "field" and re.search(r"\d", line.text)
                    ]
                claims += [ctx.quote(document, [n]) for n in wanted if n in document.lines]
        return Finding(about=task.about, claims=tuple(claims[:4]))


if __name__ == "__main__":
    question = "What did the night bus pilot cost?"
    report = research_sync(question, team=research_team.with_worker(Figures), corpus=sys.argv[1:] or HERE / "corpus")
    print(report.text)
    print(f"{report.status}, {len(report.claims)} claims, ${report.cost_usd:.4f}, made by {report.made_by.lane}")
