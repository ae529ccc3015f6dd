"""Read what a job did, from its run alone: `python examples/read_transcript.py [JOB]` (the newest unless named)."""

import sys

from bullpen import open_run

run = open_run(sys.argv[1] if len(sys.argv) > 1 else "latest")
print(f"{run.question}\n{run.status}, {run.seconds:.1f} s, {run.cost.model_calls} model calls\n")

for task in run.tasks:
    waited = f" after {', '.join(task.after)}" if task.after else ""
    print(f"{task.id:14} {task.status:8} {task.seconds:6.2f} s  ${task.cost_usd:.4f}{waited} {task.failure}")

found = {(e.task, passage["source"]) for e in run.events if e.kind == "memory.searched" for passage in e.value}
for name, source in sorted(found):
    print(f"{name} found passages in {source}")

evidence = run.evidence()
for n, claim in enumerate(run.report.claims if run.report else (), start=1):
    print(f"\n{n}. {claim.text}")
    for quote in claim.quotes:
        uri = next(source.uri for source in evidence.sources if source.id == quote.source)
        print(f"   {uri} at {quote.start}-{quote.end}: {quote.text!r}")

print("\nnothing is wrong with this run" if not list(run.problems()) else list(run.problems()))
