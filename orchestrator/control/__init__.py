"""Control of a running job: what people ask of it from another terminal, over a Unix socket beside its run.

`protocol` is what is said, `desk` carries it out, `standing` is what has come of it, read from events alone; `controls`
is what the job consults. Every command ends in an event, so that the transcript tells it.
"""
