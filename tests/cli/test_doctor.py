"""What `bullpen doctor` prints and exits with, for a team of scripted models; over HTTP it is tested end to end."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bullpen import Team
from bullpen.orchestrator.cli.app import main
from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.gateway.model import Card, Completion
from bullpen.orchestrator.rules.outcome import Outcome
from bullpen.orchestrator.rules.price import Prices
from bullpen.orchestrator.settings import Rung, Settings
from bullpen.orchestrator.testing import ScriptedModel

KEY = "sk-secret-0123456789abcdef"
KNOWN = Card(Prices(1.0, 2.0), 8000)
ANSWERS = {
    "doctor_greeting": "hello",
    "doctor_colour": {"colour": "green"},
    "doctor_notes": {
        "notes": [
            {"point": 1, "text": "It cost 412,000 crowns.", "sentences": [4]},
            {"point": 2, "text": "Its piles had rotted.", "sentences": [7]},
        ]
    },
}
GOOD = ScriptedModel(ANSWERS, card=KNOWN)
BAD = ScriptedModel(lambda request: Completion(Outcome.KEY_REFUSED, detail=f"HTTP 401; {KEY} is wrong"), card=KNOWN)
UNPRICED = ScriptedModel(ANSWERS, card=Card(None, 8000))
NEEDS_NOTHING = ScriptedModel({})
Doctor = Callable[..., tuple[int, str, str]]


@pytest.fixture
def team(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module with a team of models that are good and bad."""
    module = ModuleType("team_for_the_doctor")
    providers = {"good": GOOD, "bad": BAD, "unpriced": UNPRICED, "own": NEEDS_NOTHING}
    rungs = (Rung(model="own:nothing"),)
    module.team = Team(supervisor=None, workers=(), providers=providers, rungs=rungs)  # type: ignore[attr-defined, arg-type]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


@pytest.fixture
def doctor(
    team: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Doctor:
    """Runs the command in a folder of its own, with these lines as bullpen.toml; its status and what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("A_KEY", KEY)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE", "OLLAMA_HOST", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def run(toml: str = "", *options: str) -> tuple[int, str, str]:
        (tmp_path / "bullpen.toml").write_text(toml)
        monkeypatch.setattr(sys, "argv", ["bullpen", "doctor", "--team", f"{team.__name__}:team", *options])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def rungs(*models: str, **more: str) -> str:
    lines = "".join(f"{name} = {value}\n" for name, value in more.items())
    return lines + "".join(f'[[rungs]]\nmodel = "{model}"\napi_key_env = "A_KEY"\n' for model in models)


def test_all_well(doctor: Doctor) -> None:
    status, out, err = doctor(rungs("good:a", "good:b"))

    assert status == 0
    assert out.splitlines()[0] == "good:a"
    assert "  ok       key      A_KEY is set\n" in out
    assert "  ok       roles    plan, search, summarize, analyze, write, judge: good:a → good:b\n" in out
    assert out.endswith("all well\n")
    assert "asking cost $0.00" in out
    assert "\n1. " not in out
    assert err == "asking good:a, good:b, for at most 20 s each question\n"


def test_one_of_two_can_answer(doctor: Doctor) -> None:
    status, out, _ = doctor(rungs("bad:a", "good:b"))

    assert status == 3
    assert "  failed   model    key_refused: HTTP 401; [key] is wrong\n" in out
    assert "\n1. bad:a: the key was refused: set A_KEY to a valid one\n" in out
    assert out.endswith("\n1 of 2 rungs can answer\n")
    assert "sk-sec" not in out


def test_none_can_answer(doctor: Doctor) -> None:
    status, out, _ = doctor(rungs("bad:a"))

    assert status == 1
    assert out.endswith("\nno rung can answer\n")


def test_a_rung_answers_by_the_deployment_that_is_left(doctor: Doctor) -> None:
    one = "[[rungs.deployments]]\nname = 'east'\n[[rungs.deployments]]\nname = 'west'\napi_key_env = 'NO_SUCH_KEY'\n"
    status, out, _ = doctor(f"[[rungs]]\nmodel = 'good:a'\napi_key_env = 'A_KEY'\n{one}")

    assert status == 3
    assert "west: good:a\n  failed   key      NO_SUCH_KEY is not set\n" in out
    assert out.endswith("\n1 of 1 rungs can answer\n")


def test_a_warning_alone_is_well_and_a_budget_makes_an_unknown_price_a_failure(doctor: Doctor) -> None:
    status, out, _ = doctor(rungs("unpriced:a"))
    with_budget, told, _ = doctor(rungs("unpriced:a", budget_usd="1.0"))

    assert status == 0
    assert out.endswith("\nall well, with 1 warning\n")
    assert "asking cost nothing, not counting unpriced:a, whose price is not known\n" in out
    assert with_budget == 1
    assert "  failed   price    not known, and a budget is set\n" in told


def test_without_a_model_the_teams_own_answers_and_it_says_how_to_set_one(doctor: Doctor) -> None:
    status, out, _ = doctor()

    assert status == 0
    assert "  ok       model    needs nothing: answers its team's own prompts\n" in out
    assert "  ok       models   no model is set and no key was found, so the team's own\n" in out
    assert "\n1. for a language model's answers set a key such as OPENAI_API_KEY" in out
    assert "asking cost nothing\n" in out


def test_a_model_may_be_named(doctor: Doctor) -> None:
    status, out, _ = doctor("", "--model", "good:b", "--timeout", "3")

    assert status == 0
    assert out.startswith("good:b\n")


def test_json_is_one_object_and_nothing_else(doctor: Doctor) -> None:
    status, out, err = doctor(rungs("bad:a", "good:b"), "--json")
    told = json.loads(out)

    assert err == ""
    assert set(told) == {"rungs", "rungs_from", "machine", "mends", "cost", "verdict", "status"}
    assert (told["status"], told["verdict"]) == (status, "1 of 2 rungs can answer")
    assert [rung["can_answer"] for rung in told["rungs"]] == [False, True]
    [deployment] = told["rungs"][0]["deployments"]
    assert set(deployment) == {"deployment", "checks", "micro_usd", "can_answer", "ability"}
    assert deployment["checks"][1] == {
        "name": "model",
        "state": "failed",
        "detail": "key_refused: HTTP 401; [key] is wrong",
        "mend": "the key was refused: set A_KEY to a valid one",
    }
    assert "bad:a: the key was refused: set A_KEY to a valid one" in told["mends"]


def test_roles_that_nobody_serves_and_chains_are_said(doctor: Doctor) -> None:
    more = {"chains": '{ plan = ["good:b"] }', "floors": "{ judge = 5 }"}
    status, out, _ = doctor(rungs("good:a", "good:b", **more))

    assert status == 0
    assert "  ok       roles    plan: good:b\n" in out
    assert "  ok       roles    search, summarize, analyze, write: good:a → good:b\n" in out
    assert "  warning  roles    judge: no rung\n" in out


def test_what_several_rungs_have_to_mend_is_said_once_after_what_failed(doctor: Doctor) -> None:
    _, out, _ = doctor(rungs("unpriced:a", "unpriced:b", "bad:c"))

    first, second = [line for line in out.splitlines() if line[:1].isdigit() and ". " in line]
    assert first == "1. bad:c: the key was refused: set A_KEY to a valid one"
    assert second == "2. unpriced:a, unpriced:b: set price_in_usd and price_out_usd"


def test_slips_in_roles_and_variables_are_said(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULLPEN_BUGDET_USD", "1")
    monkeypatch.setenv("BULLPEN_SOMETHING_ELSE", "1")
    status, out, _ = doctor(rungs("good:a", floors="{ jugde = 1 }"))

    assert status == 0
    assert "  warning  roles    'jugde' in floors is a role of nobody in this team\n" in out
    assert "  warning  settings BULLPEN_BUGDET_USD is set, and is no setting\n" in out
    assert "set BULLPEN_BUDGET_USD instead" in out
    assert "SOMETHING_ELSE" not in out
    assert out.endswith("\nall well, with 2 warnings\n")


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("[[rungs]]\nmodel = 'good:a'\ntier = 99\n", "rungs.0.tier = 99 (bullpen.toml, line 3)"),
        (rungs("good:a", "good:a"), "two rungs are called 'good:a' (bullpen.toml, line 4)"),
        ("rungs = [", "bullpen.toml is not TOML"),
    ],
)
def test_settings_that_cannot_be_used_are_said_with_their_line(doctor: Doctor, toml: str, says: str) -> None:
    status, out, err = doctor(toml)

    assert (status, out) == (2, "")
    assert says in err


def test_whether_calls_go_through_the_proxy_is_said(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://me:secret@proxy.invalid")
    monkeypatch.setenv("BULLPEN_USE_PROXY", "false")
    monkeypatch.setenv("no_proxy", "localhost")
    for name in ("http_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    _, straight, _ = doctor(rungs("good:a"))
    monkeypatch.delenv("BULLPEN_USE_PROXY")
    _, through, _ = doctor(rungs("good:a", use_proxy="true"))

    assert " proxy    https_proxy set; calls go straight\n" in straight
    assert "calls go through it\n" in through
    assert "secret" not in straight + through


def test_a_folder_that_is_a_file_and_a_run_that_cannot_be_read(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "1.run").write_bytes(b"no run at all" * 100)
    blocked, told, _ = doctor(rungs("good:a"), "--runs-dir", "file/runs")
    damaged, out, _ = doctor(rungs("good:a"), "--runs-dir", "runs")

    assert (blocked, damaged) == (3, 0)
    assert "  failed   runs     " in told
    assert "  warning  records  " in out
    assert "move runs/1.run away, or restore it\n" in out


def _amiss(settings: Settings) -> str:
    raise BadInput("SOME_DIR holds no weights; name another folder")


def test_what_the_team_finds_on_this_machine_is_said(doctor: Doctor, team: Any) -> None:
    from dataclasses import replace

    team.team = replace(team.team, facts={"ranking": lambda _: "words alone", "weights": _amiss})
    status, out, _ = doctor(rungs("good:a"))

    assert status == 3
    assert "  ok       ranking  words alone\n" in out
    assert "  failed   weights  " in out
    assert "SOME_DIR holds no weights; name another folder\n" in out
