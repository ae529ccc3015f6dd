"""Launch a research job from a script and watch it work: `python examples/research_job.py`."""

import asyncio
import sys
from pathlib import Path

from bullpen import launch, research_team

HERE = Path(__file__).parent


async def main() -> None:
    question = "Why was the night bus pilot extended, and who used it?"
    corpus = sys.argv[1:] or HERE / "corpus"
    async with launch(research_team, question, corpus=corpus, budget_usd=0.50, deadline_s=300) as job:
        print(f"job {job.id}")
        async for event in job.events():
            if event.kind in ("task.sent", "task.returned"):
                print(f"  {event.task:14} {event.kind:14} {event.sender} -> {event.recipient}")
        report = await job.result()
    print(report.text)
    for gap in report.gaps:
        print(f"missing: {gap.task}: {gap.reason}: {gap.detail}")


if __name__ == "__main__":
    asyncio.run(main())
