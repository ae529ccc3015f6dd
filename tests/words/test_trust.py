"""What a folder's settings want of addresses, code and files outside waits for a word; everything else acts."""

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from bullpen.orchestrator import restricted as rules
from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.restricted import Here, restricted
from bullpen.orchestrator.settings import Deployment, Rung, Settings, load_settings, runs_folder, wanted_by_folder
from bullpen.orchestrator.trust import Untrusted, Word, check, forget, record, words_about

SENDS = "[[rungs]]\nmodel = 'openai_http:m'\nbase_url = 'http://127.0.0.1:1/v1'\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that nobody has said anything about, and where the record of that would be."""
    monkeypatch.delenv("BULLPEN_TRUST")
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    monkeypatch.setenv("AWS_SECRET", "another")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path / "folder")
    return tmp_path / "folder"


def say(folder: Path, text: str) -> None:
    (folder / "bullpen.toml").write_text(text)


@pytest.mark.parametrize(
    ("model", "name", "restricted_names"),
    [
        (Settings, "settings", rules.RULES.keys() - {"workers", "corpus"}),
        (Rung, "rung", set(rules.RUNG)),
        (Deployment, "deployment", set(rules.DEPLOYMENT)),
    ],
)
def test_every_setting_acts_always_or_is_restricted(
    model: type[BaseModel], name: str, restricted_names: set[str]
) -> None:
    """A new one must be put on a side."""
    assert rules.ALWAYS[name] | restricted_names == model.model_fields.keys()
    assert not rules.ALWAYS[name] & restricted_names


@pytest.mark.parametrize(
    ("text", "does"),
    [
        (
            SENDS,
            r"rungs.0 \(bullpen.toml, line 1\) sends texts and the key in OPENAI_API_KEY to http://127.0.0.1:1/v1,",
        ),
        (SENDS + "api_key_env = 'AWS_SECRET'\n", "the key in AWS_SECRET to http://127.0.0.1:1/v1"),
        ("[[rungs]]\nmodel = 'litellm:openai/gpt-4.1'\n", "the key that is kept for openai to the provider of litellm"),
        ("[[rungs]]\nmodel = 'embedded:x'\nbase_url = 'http://h/v1'\n", "sends texts"),
        ("[[rungs]]\nmodel = 'mine:x'\n", "sends texts"),
        (SENDS + "[[rungs.deployments]]\nbase_url = 'http://good@evil.example/v1'\n", "to http://evil.example/v1"),
        (SENDS.replace("1:1/", "1:1/\\u001b[2K").replace("'", '"'), "http://127.0.0.1:1/\ufffd\\[2Kv1"),
        ("embedder = 'litellm:openai/small'", "embedder .* sends texts and the key that is kept for openai to openai"),
        ("use_proxy = true", "sends calls through the proxy"),
        ("cassettes = 'record'", "writes their answers into cassettes"),
        ("default_team = 'evil:team'", r"default_team \(bullpen.toml, line 1\) runs the code of team evil:team"),
        ("project = '../elsewhere'", "keeps runs and memory in .*elsewhere, outside this folder"),
        ("runs_dir = '/etc'", "keeps runs in /etc, outside this folder"),
        (
            "[prompts]\nsummarize = '~/../../../etc/passwd'",
            r"prompts.summarize \(bullpen.toml, line 2\) reads a prompt from",
        ),
        ("project = 'link'", "keeps runs and memory in /etc, outside this folder"),
        ("[[rungs]]\nmodel = 'embedded:extract'\ncassette = '../x.json'\n", "reads and writes .*x.json, outside"),
    ],
)
def test_what_is_restricted_is_refused_in_one_line_that_says_what_it_does(folder: Path, text: str, does: str) -> None:
    (folder / "link").symlink_to("/etc")
    say(folder, text)
    for load in (load_settings, Settings):
        with pytest.raises(Untrusted, match=does) as caught:
            load()
    assert "`bullpen trust`, or BULLPEN_TRUST=1" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "budget_usd = 1\ntasks_most = 3\nnetwork = false\n[floors]\nwrite = 2\n[chains]\ndefault = ['a']\n",
        "[[rungs]]\nmodel = 'embedded:extract'\ntier = 2\nprice_in_usd = 0\nroles = ['write']\ncassette = 'x.json'\n",
        "default_team = 'bullpen.agents:research_team'\nembedder = 'hashed'\nuse_proxy = false\ncassettes = 'replay'\n",
        "project = 'here/.bullpen'\nruns_dir = 'runs'\n[prompts]\nsummarize = 'prompts/s.md'\n",
    ],
)
def test_what_bounds_names_or_stays_in_the_folder_acts_always(folder: Path, text: str) -> None:
    say(folder, text)
    load_settings()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.3.2.1", "u:p@localhost"])
def test_a_server_of_this_machine_needs_a_word_where_a_key_goes_and_no_other_host_is_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    here = SENDS.replace("127.0.0.1", host)
    for local in (here, here.replace("openai_http:", "litellm:openai/"), here + "api_key_env = 'UNSET'\n"):
        say(folder, local)
        load_settings()
    away = ("127.0.0.1.evil.example", "localhost@evil.example", "evil.example#@localhost", "0.0.0.0", "localhost.evil")
    for sends in (here + "api_key_env = 'AWS_SECRET'\n", *(SENDS.replace("127.0.0.1", name) for name in away)):
        say(folder, sends)
        with pytest.raises(Untrusted):
            load_settings()


def test_what_somebody_else_says_acts_and_what_it_replaces_needs_no_word(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(folder, f"default_team = 'evil:team'\n{SENDS}[prompts]\na = '/a'\nb = '/b'\n")
    monkeypatch.setenv("BULLPEN_DEFAULT_TEAM", "mine:team")
    monkeypatch.setenv("BULLPEN_PROMPTS", '{"a": "/mine"}')
    with pytest.raises(Untrusted) as caught:
        load_settings(rungs=({"model": "openai_http:mine", "base_url": "http://mine.invalid"},))

    assert [wanted.place for wanted in caught.value.wanted] == [("prompts", "b")]
    monkeypatch.setenv("BULLPEN_TRUST", "1")
    assert load_settings().rungs[0].base_url == "http://127.0.0.1:1/v1"
    monkeypatch.setenv("BULLPEN_TRUST", "perhaps")
    with pytest.raises(BadInput, match="BULLPEN_TRUST = 'perhaps' is neither 1"):
        load_settings()


def test_the_word_holds_for_what_it_was_given_for_in_its_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    say(folder, SENDS)
    record(wanted_by_folder(), folder)
    say(folder, f"budget_usd = 2\n[[rungs]]\nmodel = 'embedded:extract'\n{SENDS}tier = 3\nprice_in_usd = 1\n")
    load_settings()

    for changed in (SENDS.replace("127", "128"), SENDS.replace(":m", ":n"), SENDS + "api_key_env = 'AWS_SECRET'\n"):
        say(folder, changed)
        with pytest.raises(Untrusted):
            load_settings()
    say(folder, SENDS)
    (folder.parent / "same").symlink_to(folder)
    monkeypatch.chdir(folder.parent / "same")
    load_settings()
    (folder / "another").mkdir()
    say(folder / "another", SENDS)
    monkeypatch.chdir(folder / "another")
    with pytest.raises(Untrusted):
        load_settings()
    assert forget(folder)
    monkeypatch.chdir(folder)
    with pytest.raises(Untrusted):
        load_settings()


@pytest.mark.parametrize("damage", ["{", "[]\n", '{"folder": 1}\n', "\ud800", '"x"\n', "[" * 100_000])
def test_a_damaged_record_trusts_nothing_and_that_is_said(folder: Path, damage: str) -> None:
    say(folder, SENDS)
    record(wanted_by_folder(), folder)
    [path] = (folder.parent / "state" / "bullpen" / "trust").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with path.open("ab") as file:
        file.write(damage.encode(errors="surrogatepass"))

    with pytest.raises(Untrusted, match="cannot be read as a record of trust: `bullpen trust --forget` removes it"):
        load_settings()
    with pytest.raises(BadInput, match="nothing is added"):
        record(wanted_by_folder(), folder)
    assert forget(folder)
    record(wanted_by_folder(), folder)
    load_settings()


@pytest.mark.parametrize("home", [None, "", "relative"])
def test_without_a_home_no_word_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch, home: str | None) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", home or "")
    if home is None:
        monkeypatch.delenv("HOME")
    say(folder, SENDS)
    with pytest.raises(Untrusted):
        load_settings()
    with pytest.raises(BadInput, match="no place to keep your word in: set HOME or XDG_STATE_HOME, or BULLPEN_TRUST=1"):
        record(wanted_by_folder(), folder)


def test_whoever_only_reads_runs_needs_no_word_for_anything_else(folder: Path) -> None:
    say(folder, f"runs_dir = 'mine'\ndefault_team = 'evil:team'\n{SENDS}")
    assert runs_folder() == Path("mine")
    say(folder, "runs_dir = '/elsewhere'\n")
    assert runs_folder(Path("here")) == Path("here")
    with pytest.raises(Untrusted, match="keeps runs in /elsewhere"):
        runs_folder()


def test_what_a_job_was_begun_with_is_less_than_trust(folder: Path) -> None:
    wanted = restricted({"default_team": "mine:team"}, Here(folder, {}))

    def allowed(*enough: Word) -> bool:
        try:
            check(wanted, folder, where=lambda _: "x", mend="y", enough=lambda _: frozenset(enough))
        except Untrusted:
            return False
        return True

    record(wanted, folder, Word.BEGUN)
    assert allowed(Word.BEGUN) and not allowed(Word.TRUSTED)
    record(wanted, folder)
    record(wanted, folder, Word.BEGUN)
    assert allowed(Word.TRUSTED)
    assert words_about(folder) == {wanted[0].key: frozenset(Word)}


HARMLESS = st.fixed_dictionaries(
    {}, optional={"tier": st.integers(1, 9), "name": st.text(), "timeout_s": st.floats(1, 9)}
)
ADDRESS = st.none() | st.sampled_from(["http://a/v1", "http://b/v1", "https://a/v1", "http://a@b/v1"])
VARIABLE = st.none() | st.sampled_from(["A", "B"])
RUNGS = st.fixed_dictionaries(
    {"model": st.sampled_from(["embedded:x", "a:x", "a:y"]), "base_url": ADDRESS, "api_key_env": VARIABLE}
)


def keys(*rungs: Mapping[str, Any]) -> set[str]:
    return {each.key for each in restricted({"rungs": list(rungs)}, Here(Path("/"), {}))}


@given(RUNGS, RUNGS, HARMLESS)
def test_a_rungs_word_holds_whatever_else_is_set_and_for_no_other_rung(
    one: dict[str, Any], other: dict[str, Any], more: dict[str, Any]
) -> None:
    assert keys({**one, **more}) == keys(one)
    assert keys(one, other) == keys(one) | keys(other)
    if keys(one) and one != other:
        assert not keys(one) & keys(other)
    assert bool(keys(one)) == (one != {"model": "embedded:x", "base_url": None, "api_key_env": None})


def test_a_line_says_what_it_trusts(folder: Path) -> None:
    say(folder, SENDS)
    record(wanted_by_folder(), folder)
    [path] = (folder.parent / "state" / "bullpen" / "trust").iterdir()
    [line] = path.read_text().splitlines()
    assert json.loads(line)["folder"] == str(folder)
    assert "http://127.0.0.1:1/v1" in json.loads(line)["does"]
