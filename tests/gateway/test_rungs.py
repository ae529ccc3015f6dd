"""What is found when settings are loaded, by name and line: chains, names, prices, proxies."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.gateway.rungs import chains_of, check_prices, secrets_of, with_proxy
from bullpen.orchestrator.settings import Deployment, Rung, Settings, load_settings

BIG, SMALL = Rung(model="openai_http:big", name="big"), Rung(model="openai_http:small", name="small")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def chains(**named: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    return chains_of(Settings(chains=named), (BIG, SMALL))


def test_a_chain_may_name_another_one_and_each_rung_comes_once() -> None:
    assert chains(default=("big", "small"), judge=("big",), write=("small", "default")) == {
        "default": ("big", "small"),
        "judge": ("big",),
        "write": ("small", "big"),
    }


def test_a_chain_that_names_itself_is_shown_with_its_line(folder: Path) -> None:
    (folder / "bullpen.toml").write_text("[chains]\ndefault = ['big']\na = ['b']\nb = ['c']\nc = ['a']\n")
    with pytest.raises(BadInput, match=r"chain 'a' names itself \(bullpen.toml, line 5\): a → b → c → a"):
        chains_of(load_settings(), (BIG, SMALL))


def test_a_chain_of_what_is_neither_rung_nor_chain_is_refused() -> None:
    with pytest.raises(BadInput, match="neither a rung nor a chain; there are a, big, small"):
        chains(a=("large",))


def test_two_rungs_of_one_name_are_refused() -> None:
    with pytest.raises(BadInput, match="two rungs are called 'big'"):
        chains_of(Settings(), (BIG, SMALL, BIG))


NAMES = st.sampled_from("abcd")


@given(st.dictionaries(NAMES, st.lists(NAMES | st.sampled_from(["big", "small"]), max_size=3).map(tuple), max_size=4))
def test_chains_are_flat_or_refused(named: dict[str, tuple[str, ...]]) -> None:
    try:
        flat = chains(**named)
    except BadInput as error:
        assert "names" in str(error)
    else:
        assert flat.keys() == named.keys()
        assert all(set(rungs) <= {"big", "small"} and len(rungs) == len(set(rungs)) for rungs in flat.values())


@pytest.mark.parametrize(
    ("environment", "refused"),
    [
        ({}, False),
        ({"HTTPS_PROXY": "http://proxy:3128"}, True),
        ({"https_proxy": "http://proxy:3128", "NO_PROXY": ".example.org"}, False),
        ({"ALL_PROXY": "socks5://proxy"}, True),
        ({"HTTP_PROXY": "http://proxy:3128"}, False),
        ({"HTTPS_PROXY": ""}, False),
    ],
)
def test_somebody_must_say_whether_prompts_may_go_through_a_proxy(environment: dict[str, str], refused: bool) -> None:
    rung = Rung(model="openai_http:m", base_url="https://models.example.org/v1")
    if refused:
        with pytest.raises(BadInput, match="use_proxy = true"):
            with_proxy(Settings(), (rung,), environment)
    else:
        assert with_proxy(Settings(), (rung,), environment) == (rung,)
    assert with_proxy(Settings(use_proxy=True), (rung,), environment)[0].use_proxy


def test_a_proxy_is_nothing_to_a_model_on_this_machine() -> None:
    environment = {"HTTP_PROXY": "http://proxy:3128", "ALL_PROXY": "http://proxy:3128"}
    here = (Rung(model="openai_http:m", base_url="http://127.0.0.1:8000/v1"), Rung(model="embedded:extract"))

    assert with_proxy(Settings(), here, environment) == here


def test_a_rung_that_nobody_can_price_is_named_where_there_is_a_budget(folder: Path) -> None:
    (folder / "bullpen.toml").write_text(
        "[[rungs]]\nmodel = 'litellm:openai/x'\n\n[[rungs]]\nmodel = 'openai_http:m'\n"
    )
    with pytest.raises(BadInput, match=r"rung 'openai_http:m' \(bullpen.toml, line 5\) has no price"):
        check_prices(load_settings().rungs)
    check_prices((BIG.model_copy(update={"price_in_usd": 0.0, "price_out_usd": 0.0}),))


def test_a_negative_limit_is_named_with_its_line(folder: Path) -> None:
    (folder / "bullpen.toml").write_text("[[rungs]]\nmodel = 'openai_http:m'\nrequests_per_minute = -3\n")
    with pytest.raises(BadInput, match=r"rungs.0.requests_per_minute = -3 \(bullpen.toml, line 3\)"):
        load_settings()


def test_deployments_are_rungs_of_their_own_and_their_keys_are_secret() -> None:
    east = Deployment(name="east", base_url="https://east.example.org/v1", api_key_env="EAST_KEY")
    rung = BIG.model_copy(update={"deployments": (east, Deployment())})

    assert [(each.label, each.base_url) for each in rung.deployed()] == [
        ("east", "https://east.example.org/v1"),
        ("big@2", None),
    ]
    assert BIG.deployed() == (BIG,)
    assert "east-key-value" in secrets_of((rung,), {"EAST_KEY": "east-key-value"})
