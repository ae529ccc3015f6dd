"""A model that plays the desk's part of a job, and the job over a few texts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bullpen import Report, research_team
from bullpen.orchestrator.gateway.model import Request
from bullpen.orchestrator.testing import ScriptedModel, scripted_system


@dataclass
class Player:
    """A model that notes what it knows to matter, and writes a sentence of each note unless told what to write."""

    #: Words of a sentence, and what is noted of it.
    facts: Mapping[str, str]
    #: What else it answers to a prompt: a value, or a function of the request.
    answers: Mapping[str, Any] = field(default_factory=dict)
    points: Sequence[str] = ("What did the ferry cost?",)
    requests: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Any:
        self.requests.append(request)
        answer = self.answers.get(request.prompt, getattr(self, request.prompt, None))
        assert answer is not None, f"nobody plays {request.prompt}"
        return answer(request) if callable(answer) else answer

    def triage(self, request: Request) -> Any:
        ids = re.findall(r"^- \[(.+?)\]", request.inputs["cards"], re.MULTILINE)
        return {"points": self.points, "documents": ids}

    def read(self, request: Request) -> Any:
        numbered = [re.split(r"^\[(\d+)\]", one["text"], flags=re.MULTILINE)[1:] for one in request.inputs["documents"]]
        lines = [line for parts in numbered for line in zip(parts[::2], parts[1::2], strict=True)]
        places = {said: next((n for n, text in lines if words in text), "") for words, said in self.facts.items()}
        notes = [{"point": 1, "text": said, "sentences": [int(place)]} for said, place in places.items() if place]
        own = {} if request.inputs["points"] else {"points": self.points}
        return {"notes": notes, "not_said": [] if notes else [1], **own}

    def gaps(self, request: Request) -> Any:
        return {}

    def write(self, request: Request) -> Any:
        texts = [note["text"] for note in request.inputs["notes"]]
        return {"lead": " ".join(f"{text} [{n}]" for n, text in enumerate(texts, start=1))}

    def check(self, request: Request) -> Any:
        return {
            "verdicts": [{"sentence": one["number"], "verdict": "supported"} for one in request.inputs["sentences"]]
        }

    def shown(self, prompt: str) -> list[str]:
        """What each request of a prompt put before the model."""
        asked = [request.messages for request in self.requests if request.prompt == prompt]
        return ["\n".join(message.content for message in messages) for messages in asked]


async def asked(player: Player, tmp_path: Path, question: str, texts: Mapping[str, str], **settings: Any) -> Report:
    """The report on a question over documents of these texts."""
    docs = tmp_path / "docs"
    docs.mkdir()
    for name, text in texts.items():
        (docs / name).write_text(text)
    async with scripted_system(
        research_team, ScriptedModel(player), project=tmp_path / "project", **settings
    ) as system:
        async with system.launch(question, corpus=docs) as job:
            return await job.result()


def quoted(report: Report) -> list[str]:
    return [" ".join(quote.text.split()) for claim in report.claims for quote in claim.quotes]
