"""Bullpen: a supervisor and its workers answer a question from your documents, and show their sources.

The public names, in the order in which one meets them. Each is imported when it is first used, so that
`import bullpen` costs nothing.
"""

from importlib import import_module

TYPE_CHECKING = False  # not from `typing`: `python -m bullpen` runs this while a file of the working folder comes first
if TYPE_CHECKING:
    from typing import Any

    from .agents import research_team
    from .orchestrator.envelope import Result, Status
    from .orchestrator.errors import (
        BadInput,
        BudgetExceeded,
        BullpenError,
        CassetteMiss,
        Misconfigured,
        NoAnswer,
        NothingFound,
        Overloaded,
        Refused,
        ToolError,
    )
    from .orchestrator.evidence import Claim, Document, Draft, Evidence, Finding, Gap, Passage, Query, Quote, Report
    from .orchestrator.gateway.model import Piece
    from .orchestrator.journal.reader import Run, open_run
    from .orchestrator.launched import LaunchedJob
    from .orchestrator.rules.plan import Plan, PlannedTask
    from .orchestrator.settings import Deployment, Rung, Settings, load_settings
    from .orchestrator.system import System, launch, open_system, research, research_sync
    from .orchestrator.team import Team
    from .orchestrator.worker import Context, Contract, Worker

_HOME = {
    "agents": ("research_team",),
    "orchestrator.worker": ("Worker", "Context", "Contract"),
    "orchestrator.team": ("Team",),
    "orchestrator.system": ("launch", "research", "research_sync", "open_system", "System"),
    "orchestrator.launched": ("LaunchedJob",),
    "orchestrator.journal.reader": ("open_run", "Run"),
    "orchestrator.evidence": (
        "Query",
        "Finding",
        "Draft",
        "Evidence",
        "Report",
        "Claim",
        "Quote",
        "Passage",
        "Document",
        "Gap",
    ),
    "orchestrator.envelope": ("Result", "Status"),
    "orchestrator.rules.plan": ("Plan", "PlannedTask"),
    "orchestrator.settings": ("Settings", "Rung", "Deployment", "load_settings"),
    "orchestrator.gateway.model": ("Piece",),
    "orchestrator.errors": (
        "BullpenError",
        "Refused",
        "BadInput",
        "Misconfigured",
        "BudgetExceeded",
        "CassetteMiss",
        "NoAnswer",
        "Overloaded",
        "NothingFound",
        "ToolError",
    ),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "BadInput",
    "BudgetExceeded",
    "BullpenError",
    "CassetteMiss",
    "Claim",
    "Context",
    "Contract",
    "Deployment",
    "Document",
    "Draft",
    "Evidence",
    "Finding",
    "Gap",
    "LaunchedJob",
    "Misconfigured",
    "NoAnswer",
    "NothingFound",
    "Overloaded",
    "Passage",
    "Piece",
    "Plan",
    "PlannedTask",
    "Query",
    "Quote",
    "Refused",
    "Report",
    "Result",
    "Run",
    "Rung",
    "Settings",
    "Status",
    "System",
    "Team",
    "ToolError",
    "Worker",
    "launch",
    "load_settings",
    "open_run",
    "open_system",
    "research",
    "research_sync",
    "research_team",
]


def __getattr__(name: str) -> "Any":
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
