"""Log lines: the events a person should know of, rendered. The journal is the truth; prompts and answers stay there.

Goes to the standard library's logger `bullpen`, so nothing is printed unless a program asks for it.
"""

import logging

import structlog

from .journal.events import FINISHED, Event

_STANDARD = logging.getLogger("bullpen")
_STANDARD.addHandler(logging.NullHandler())
_LOGGER = structlog.wrap_logger(
    _STANDARD,
    processors=[structlog.stdlib.filter_by_level, structlog.processors.KeyValueRenderer(key_order=["event", "job"])],
    wrapper_class=structlog.stdlib.BoundLogger,
)
_WARNINGS = {
    *("model.failed", "memory.failed", "tool.failed", "corpus.failed"),
    *("worker.given_up", "loop.stalled"),
}


def log_event(event: Event) -> None:
    """Log an event: failures as warnings, one canonical line at a job's end, the rest at debug level, no bodies."""
    if event.kind in _WARNINGS:
        _LOGGER.warning(event.kind, job=event.job, task=event.task, **event.value)
    elif event.kind == FINISHED and _STANDARD.isEnabledFor(logging.INFO):
        report = event.value
        facts = {name: report.get(name, 0.0) for name in ("status", "cost_usd", "estimated_usd", "seconds", "calls")}
        _LOGGER.info(event.kind, job=event.job, **facts, gaps=len(report["gaps"]), claims=len(report["claims"]))
    elif _STANDARD.isEnabledFor(logging.DEBUG):  # asked first: most events of most runs end here
        _LOGGER.debug(event.kind, job=event.job, task=event.task, seq=event.seq)
