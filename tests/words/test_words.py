"""The smallest pieces: ids, text, settings, what the environment offers."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.gateway.rungs import choose_rungs, secrets_of
from bullpen.orchestrator.ids import canonical, compact, digest, new_job_id, step_key
from bullpen.orchestrator.settings import Rung, Settings, load_settings
from bullpen.orchestrator.testing import ManualClock
from bullpen.orchestrator.text import clean, escaped, has_words, printable, shorten

from .odd import ODD, Outside

#: Every character that a terminal or a reader of text would obey, or show to nobody.
STEERING = {chr(n) for n in (*range(0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x2070))}
STEERING = STEERING - {"\t", "\n"} | {chr(n) for n in range(0xE0000, 0xE0080)}
ANY_TEXT = st.text(st.characters(codec=None) | st.sampled_from(sorted(STEERING)), max_size=60)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
)


def test_job_ids_sort_by_time_and_are_version_7() -> None:
    clock, chance = ManualClock(), random.Random(1)
    ids = []
    for _ in range(20):
        clock.advance(1)
        ids.append(new_job_id(clock, chance))

    assert ids == sorted(ids)
    assert {(name[14], name[19] in "89ab", len(name)) for name in ids} == {("7", True, 36)}


@given(ANY_TEXT)
def test_clean_text_can_be_kept_and_moves_no_offset(text: str) -> None:
    cleaned = clean(text)

    assert len(cleaned) == len(text)
    assert "\x00" not in cleaned
    assert cleaned.encode().decode() == cleaned
    assert clean(cleaned) == cleaned


@given(ANY_TEXT)
def test_printable_text_cannot_steer_a_terminal(text: str) -> None:
    shown = printable(text)

    assert len(shown) == len(text)
    assert not STEERING & set(shown)
    assert all(shown[n] in (character, "\ufffd") for n, character in enumerate(text))


@pytest.mark.parametrize(
    "text",
    ["שלום \u200fעולם\u200e 7", "مرحبا\u061c بالعالم", "می\u200cخواهم", "👩\u200d🔬", "tab\tline\n", "£ é 日本 \u00a0"],
)
def test_letters_of_every_script_stay_with_the_marks_that_they_need(text: str) -> None:
    assert printable(text) == text
    assert escaped(json.dumps(text, ensure_ascii=False)) == json.dumps(text, ensure_ascii=False)


@given(ANY_TEXT)
def test_escaped_json_cannot_steer_one_either_and_means_the_same(text: str) -> None:
    shown = escaped(json.dumps({"text": text}, ensure_ascii=False, indent=2))

    assert json.loads(shown) == {"text": text}
    assert shown.encode().decode() == shown
    assert not STEERING & set(shown)


@given(ANY_TEXT, st.integers(5, 40))
def test_a_shortened_text_is_one_line_within_its_limit(text: str, limit: int) -> None:
    line = shorten(text, limit)

    assert len(line) <= limit
    assert "\n" not in line


@pytest.mark.parametrize(
    ("text", "expected"), [("", False), ("?! …", False), ("a", True), ("7?", True), ("日本", True)]
)
def test_words_are_letters_or_digits_of_any_script(text: str, expected: bool) -> None:
    assert has_words(text) is expected


@given(st.dictionaries(st.text(max_size=4), PLAIN, max_size=5))
def test_canonical_json_does_not_depend_on_the_order_of_keys(value: dict[str, object]) -> None:
    assert canonical(dict(reversed(value.items()))) == canonical(value)


@given(ANY_TEXT)
def test_anything_can_be_recorded(text: str) -> None:
    digest(canonical({"text": text}))
    compact({"text": [text]}).encode()


def test_a_step_key_tells_apart_what_differs_and_nothing_else() -> None:
    keys = {
        step_key(job, task, name, args, n)
        for job in "ab"
        for task in ("t", "u")
        for name in ("x", "y")
        for args in ("1", "2")
        for n in (0, 1)
    }

    assert len(keys) == 32
    assert step_key("a", "t", "x", "1", 0) in keys


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_passed_beats_the_environment_beats_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "bullpen.toml").write_text("tasks_most = 7\nrounds_most = 3\ndepth_most = 1\n")
    monkeypatch.setenv("BULLPEN_ROUNDS_MOST", "4")
    monkeypatch.setenv("BULLPEN_DEPTH_MOST", "2")
    settings = load_settings(depth_most=5, tasks_most=None)

    assert (settings.tasks_most, settings.rounds_most, settings.depth_most) == (7, 4, 5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[[rungs]]\nmodel = 'openai_http:x'\napi_key = 'sk-verysecret'",
            "rungs.0.api_key (bullpen.toml, line 3) is not a setting",
        ),
        ("[[rungs]]\nmodel = 'openai_http:x'\napi_key_env = 'sk-very-secret'", "not shown"),
        ("[[rungs]]\nmodel = 'openai_http:x'\nprice_in_usd = -1", "price_in_usd = -1.0"),
        ("[[rungs]]\nmodel = 'x'\n[[rungs]]\nmodel = 'y'", "and 1 more"),
    ],
)
def test_a_mistake_in_a_rung_is_named_without_showing_a_key(folder: Path, text: str, said: str) -> None:
    (folder / "bullpen.toml").write_text(text)
    with pytest.raises(BadInput) as caught:
        load_settings()

    assert said in str(caught.value) or said.replace("-1.0", "-1") in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["budget_usd", "deadline_s", "stale_answer_s", "backoff_s", "call_timeout_s"])
@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_no_number_is_without_end(name: str, value: float) -> None:
    with pytest.raises(BadInput, match=f"{name} = (inf|nan): "):
        load_settings(**{name: value})
    with pytest.raises(BadInput, match=r"price_in_usd = (inf|nan): "):
        load_settings(rungs=({"model": "a:b", "price_in_usd": value},))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[rungs]]\nmodel = 'a:x'\nmodle = 'y'", "(bullpen.toml, line 3) is not a setting; did you mean 'model'?"),
        ("[[rungs]]\nmodel = 'a:x'\n[[rungs.deployments]]\nnmae = 'y'", "did you mean 'name'?"),
        ("[[rung]]\nmodel = 'a:x'", "rung (bullpen.toml, line 1) is not a setting; did you mean 'rungs'?"),
        ("zzz = 1", "zzz (bullpen.toml, line 1) is not a setting; remove it or mend its name"),
        ("[[rungs]]\nmodel = 'gpt-4'", "rungs.0.model = 'gpt-4' (bullpen.toml, line 2): it should be provider:model"),
        ("[[rungs]]\nmodel = 'a:x'\nbase_url = 'h:1'", "(bullpen.toml, line 3): it should begin with http://"),
        ("[[rungs]]\nmodel = 'a:x'\napi_key_env = 'sk-1'", "line 3): it should be the name of an environment variable"),
        ("default_team = 'mine'", "it should be module:attribute"),
        ("[chains]\nwrite = 'a:x'", "chains.write = 'a:x' (bullpen.toml, line 2): it should be a list, in brackets"),
        ("chains = ['a:x']", "chains = ['a:x'] (bullpen.toml, line 1): it should be a table"),
        ("rungs = ['a:x']", "rungs.0 = 'a:x' (bullpen.toml, line 1): it should be a table"),
        ("network = 'perhaps'", "network = 'perhaps' (bullpen.toml, line 1): it should be true or false"),
    ],
)
def test_a_mistake_is_said_with_its_place_and_its_mend(folder: Path, text: str, said: str) -> None:
    (folder / "bullpen.toml").write_text(text)
    with pytest.raises(BadInput) as caught:
        load_settings()

    assert said in str(caught.value)


@pytest.mark.parametrize("odd", ODD)
def test_settings_are_read_from_a_regular_file_alone(folder: Path, odd: str) -> None:
    (folder / "beside").mkdir()
    outside = Outside(folder / "beside")
    outside.stand_in(odd, folder / "bullpen.toml")

    with pytest.raises(BadInput, match=r"^'bullpen\.toml' is a \w+ where only a regular file is opened.*move it away$"):
        load_settings()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"#" * (1024 * 1024 + 1), "'bullpen.toml' is over 1048576 bytes"),
        (b"#" * (1024 * 1024 - 3) + b"\n\xff", "bullpen.toml is not UTF-8 at byte 1048574; save"),
        (b"a = " + b"[" * 100_000, "bullpen.toml is not TOML"),
    ],
)
def test_a_file_that_holds_no_settings_is_named_in_a_line(folder: Path, content: bytes, said: str) -> None:
    (folder / "bullpen.toml").write_bytes(content)

    with pytest.raises(BadInput) as caught:
        load_settings()

    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_a_mistake_is_looked_for_where_the_value_is_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "bullpen.toml").write_text("budget_usd = 1")
    with pytest.raises(BadInput, match=r"budget_usd = -2: input should be greater"):
        load_settings(budget_usd=-2)
    monkeypatch.setenv("BULLPEN_BUDGET_USD", "much")
    with pytest.raises(BadInput, match=r"budget_usd = 'much' \(BULLPEN_BUDGET_USD\): input should be a valid number"):
        load_settings()
    monkeypatch.setenv("BULLPEN_RUNGS", "gpt-4")
    with pytest.raises(BadInput, match=r"settings: BULLPEN_RUNGS is not JSON; mend it, or set it in bullpen\.toml"):
        load_settings()


OWN = (Rung(model="embedded:extract"),)


@pytest.mark.parametrize(
    ("environment", "model", "said"),
    [
        ({}, "embedded:extract", "team's own"),
        ({"ANTHROPIC_API_KEY": "k"}, "litellm:anthropic/claude-haiku-4-5", "ANTHROPIC_API_KEY"),
        ({"OPENAI_API_KEY": "k", "GEMINI_API_KEY": "k"}, "litellm:openai/gpt-4.1-mini", "OPENAI_API_KEY"),
        ({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://h/v1"}, "openai_http:auto", "OPENAI_BASE_URL"),
        ({"OPENAI_BASE_URL": "http://h/v1", "OPENAI_MODEL": "m"}, "openai_http:m", "OPENAI_BASE_URL"),
        ({"OLLAMA_HOST": "127.0.0.1:11434"}, "openai_http:auto", "OLLAMA_HOST"),
        ({"OPENAI_API_KEY": ""}, "embedded:extract", "team's own"),
    ],
)
def test_the_environment_is_used_and_said(environment: dict[str, str], model: str, said: str) -> None:
    rungs, where = choose_rungs(Settings(), environment, OWN)

    assert [rung.model for rung in rungs] == [model]
    assert said in where
    assert rungs[0].base_url in (None, "http://h/v1", "http://127.0.0.1:11434/v1")


def test_settings_beat_the_environment_and_nothing_at_all_is_bad_input() -> None:
    rung = Rung(model="openai_http:x", base_url="http://h/v1", api_key_env="MY_KEY")

    assert choose_rungs(Settings(rungs=(rung,)), {"OPENAI_API_KEY": "k"}, OWN)[0] == (rung,)
    with pytest.raises(BadInput, match="OPENAI_API_KEY"):
        choose_rungs(Settings(), {}, ())
    assert secrets_of((rung,), {"MY_KEY": "0123456789", "OPENAI_API_KEY": "short"}) == ("0123456789",)
