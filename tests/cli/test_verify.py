"""What `bullpen verify` tells of a report whose sentences say more than their quotes."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bullpen.orchestrator.cli.app import main
from bullpen.orchestrator.envelope import Status
from bullpen.orchestrator.evidence import Claim, Disagreement, Evidence, Passage, Quote, Report, Source
from bullpen.orchestrator.journal.events import Entry

from ..journal.making import ASKED, ended, put_run

CARRIED = "The night bus pilot carried 18,200 passengers on 52 nights."
TRUE = "In Tarnholm the night bus carried 18 200 people in fifty-two nights."
INVENTED = "The pilot also won the Baltic Transit Award of 2023."
QUOTE = Quote(source="buses.md", start=0, end=len(CARRIED), text=CARRIED)
SOURCE = Source(id="buses.md", title="Buses of Tarnholm", uri="buses.md", text_hash="")
EVIDENCE = Evidence(
    sources=(SOURCE,),
    passages=(Passage(source="buses.md", title=SOURCE.title, start=0, end=len(CARRIED), text=CARRIED),),
)

Verify = Callable[..., tuple[int, str]]


def run_of(folder: Path, *sentences: str, side: str = "") -> None:
    """A run whose report says these sentences, each under the same quote."""
    claims = tuple(Claim(text=sentence, quotes=(QUOTE,)) for sentence in sentences)
    sides = (Disagreement(about="", sides=(Claim(text=side, quotes=(QUOTE,)),)),) if side else ()
    report = Report(job="job", status=Status.OK, text="", claims=claims, disagreements=sides)
    checked = Entry("evidence.checked", EVIDENCE.model_dump(mode="json"))
    put_run(
        folder, "job", ASKED, checked, ended("job", **report.model_dump(mode="json", exclude={"job", "status", "text"}))
    )


@pytest.fixture
def verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Verify:
    """Runs the command in a folder of its own; its status and what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(*args: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["bullpen", "verify", "job", "--runs-dir", str(tmp_path), *args])
        with pytest.raises(SystemExit) as exited:
            main()
        return int(exited.value.code or 0), capsys.readouterr().out

    return run


def test_a_sentence_that_names_what_its_quote_does_not_is_listed_and_fails_when_strict(
    verify: Verify, tmp_path: Path
) -> None:
    run_of(tmp_path, TRUE, INVENTED)
    status, out = verify()

    assert status == 0
    assert out.splitlines()[-3:] == [
        "",
        "to read, since 1 of the claims names what stands in none of their quotes:",
        f"  claim 2: name 'Baltic Transit Award', date '2023': {INVENTED}",
    ]
    assert "job holds: 2 claims, 2 quotes" in out
    assert verify("--strict") == (1, out)
    found = json.loads(verify("--json")[1])
    assert found["holds"]
    assert found["unsupported"] == [
        {
            "claim": 2,
            "text": INVENTED,
            "missing": [{"kind": "name", "text": "Baltic Transit Award"}, {"kind": "date", "text": "2023"}],
        }
    ]


def test_a_report_that_says_what_its_quotes_say_is_not_doubted(verify: Verify, tmp_path: Path) -> None:
    run_of(tmp_path, TRUE)

    assert verify("--strict")[0] == 0
    assert "to read" not in verify()[1]
    assert json.loads(verify("--json")[1])["unsupported"] == []


def test_sides_of_disagreements_are_read_too(verify: Verify, tmp_path: Path) -> None:
    run_of(tmp_path, TRUE, side="It carried 17,000 passengers.")

    assert [row["claim"] for row in json.loads(verify("--json")[1])["unsupported"]] == [2]
