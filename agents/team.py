"""The team that answers research questions, and the model that answers when there is no other."""

import os

from ..memory import open_memory
from ..memory.choice import AUTO, embedder_of
from ..memory.minilm import FOLDER, INSTALL, OFF, find_weights
from ..orchestrator.settings import Rung, Settings
from ..orchestrator.team import Team
from ..tools import read_corpus
from .analyze import Analyze
from .check import Check
from .embedded import NOTICE, Embedded
from .refine import Refine
from .report.checks import with_titles
from .report.composition import compose_research
from .report.drafting import research_draft
from .search import Search
from .summarize import Summarize
from .supervisor import ResearchSupervisor


def _ranking(settings: Settings) -> str:
    """What ranks passages here."""
    if settings.embedder != AUTO:
        embedder = embedder_of(settings.embedder, settings)
        return f"words and {settings.embedder}" if embedder.is_semantic else "words alone, as `embedder` says"
    if find_weights():
        return "words and all-MiniLM-L6-v2"
    return f"words alone, as {FOLDER} says" if os.environ.get(FOLDER) == OFF else f"words alone; for vectors: {INSTALL}"


research_team = Team(
    supervisor=ResearchSupervisor,
    workers=(Search, Summarize, Analyze, Refine, Check),
    memory=open_memory,
    corpus=read_corpus,
    providers={"embedded": Embedded},
    rungs=(Rung(model="embedded:extract"),),
    notices={"embedded": NOTICE},
    facts={"ranking": _ranking},
    draft=research_draft,
    checks=(with_titles,),
    compose=compose_research,
)
