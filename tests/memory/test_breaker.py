"""An embedder that is down: searches go by words, which is said, and by both again once it is back."""

from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest

from bullpen.memory import HashedEmbedder, ProjectMemory, open_memory
from bullpen.memory.breaker import PAUSE_MOST_S, PAUSE_S, Breaker
from bullpen.memory.embedding import Vector
from bullpen.memory.store import Parts
from bullpen.orchestrator.clock import SystemClock
from bullpen.orchestrator.errors import BadInput, Misconfigured, Unavailable
from bullpen.orchestrator.evidence import Document

pytestmark = pytest.mark.anyio

DOWN = [Unavailable("embedder 'far': unreachable; try again later"), Misconfigured("embedder 'far': set FAR_KEY")]


class Far(HashedEmbedder):
    """The hashed embedder, taken at its word and asked far away, whence it may raise instead; it counts the calls."""

    is_semantic = True

    def __init__(self) -> None:
        self.down: Exception | None = None
        self.calls = 0

    @property
    def id(self) -> str:  # type: ignore[override]  # the class's is a plain value
        self._ask()
        return "far"

    def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        self._ask()
        return super().embed(texts)

    def _ask(self) -> None:
        self.calls += 1
        if self.down is not None:
            raise self.down


class Watch:
    """A watch that shows what it is set to, in seconds."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def documents() -> list[Document]:
    texts = {"whale": "A whale is a mammal of the sea.", "ship": "A ship sails over the sea.", "rope": "Rope is spun."}
    return [Document(id=name, title=name, uri=name, text=text) for name, text in texts.items()]


async def opened(folder: Path, far: Far, watch: Watch) -> ProjectMemory:
    memory = ProjectMemory(folder, Parts(Breaker(far, now_s=watch), SystemClock()))
    await memory.open()
    return memory


async def found(memory: ProjectMemory) -> list[str]:
    return [passage.source for passage in await memory.search("whales of the sea", corpora=["c"], limit=9)]


async def by_words(folder: Path) -> list[str]:
    async with open_memory(folder, embedder=HashedEmbedder()) as memory:
        await memory.ingest("c", documents())
        return await found(memory)


@pytest.mark.parametrize("error", DOWN)
async def test_a_search_goes_by_words_while_the_embedder_is_down_and_says_so(tmp_path: Path, error: Exception) -> None:
    far, watch = Far(), Watch()
    memory = await opened(tmp_path / "far", far, watch)
    await memory.ingest("c", documents())
    both = await found(memory)
    assert await memory.remarks() == ()

    far.down = error
    words = await by_words(tmp_path / "words")
    assert (await found(memory), await memory.remarks()) == (
        words,
        (f"words alone rank, since vectors cannot be had: {error}",),
    )
    explained = await memory.explain("whales of the sea", corpora=["c"], limit=9)
    assert [each.by_meaning for each in explained] == [0] * len(words)

    far.down, watch.now_s = None, PAUSE_S
    assert (await found(memory), await memory.remarks()) == (both, ())
    await memory.aclose()


async def test_nobody_waits_for_it_until_a_pause_is_over_and_pauses_grow(tmp_path: Path) -> None:
    far, watch = Far(), Watch()
    memory = await opened(tmp_path, far, watch)
    await memory.ingest("c", documents())
    far.down = DOWN[0]
    calls, at_s = [], 0.0
    for pause_s in (PAUSE_S, 2 * PAUSE_S, 4 * PAUSE_S, 8 * PAUSE_S, PAUSE_MOST_S, PAUSE_MOST_S):
        far.calls, watch.now_s = 0, at_s
        await found(memory)
        await found(memory)
        at_s += pause_s
        watch.now_s = at_s - 0.1
        await found(memory)
        calls.append(far.calls)

    assert calls == [1] * 6
    await memory.aclose()


async def test_a_memory_is_opened_and_asked_while_its_embedder_is_down_and_keeps_its_vectors(tmp_path: Path) -> None:
    far, watch = Far(), Watch()
    memory = await opened(tmp_path, far, watch)
    await memory.ingest("c", documents())
    await memory.settle()
    both = await found(memory)
    await memory.aclose()

    later = Far()
    later.down = DOWN[0]
    memory = await opened(tmp_path, later, watch)
    assert sorted(await found(memory)) == ["ship", "whale"]
    assert (await memory.stored()).vectors == 3
    watch.now_s, later.down = PAUSE_S, None
    assert await found(memory) == both
    await memory.aclose()


async def test_what_is_asked_for_by_name_fails_by_name_and_loses_nothing(tmp_path: Path) -> None:
    far, watch = Far(), Watch()
    memory = await opened(tmp_path, far, watch)
    await memory.ingest("c", documents())
    await memory.settle()
    await memory.aclose()

    for error in DOWN:
        far.down = error
        memory = await opened(tmp_path, far, watch)
        for act in (memory.rebuild, memory.settle):
            with pytest.raises(type(error), match=str(error)):
                await act()
        assert (await memory.stored()).vectors == 3
        await memory.aclose()


async def test_the_work_behind_rests_with_it_and_goes_on_with_it(tmp_path: Path) -> None:
    far, watch = Far(), Watch()
    memory = await opened(tmp_path, far, watch)
    await memory.ingest("c", documents())
    far.down = DOWN[0]
    await found(memory)
    assert (await memory.stored()).vectors == 0

    watch.now_s, far.down = PAUSE_S, None
    with anyio.fail_after(10):
        while (await memory.stored()).lacking:
            await found(memory)
    assert (await memory.stored()).vectors == 3
    await memory.aclose()


async def test_what_an_embedder_gives_wrong_is_no_outage(tmp_path: Path) -> None:
    far, watch = Far(), Watch()
    memory = await opened(tmp_path, far, watch)
    await memory.ingest("c", documents())
    far.down = BadInput("embedder 'far' gave nonsense")

    with pytest.raises(BadInput, match="nonsense"):
        await found(memory)
    await memory.aclose()


async def test_how_near_texts_are_is_said_by_their_cosines_and_by_nobody_while_the_embedder_is_down(
    tmp_path: Path,
) -> None:
    far, watch = Far(), Watch()
    memory = await opened(tmp_path, far, watch)
    await memory.ingest("c", documents())

    near = await memory.closeness("a whale of the sea", ["of the sea a whale", "rope", "a whale"])
    assert near is not None
    assert near[0] == pytest.approx(1, abs=1e-3)
    assert near[0] > near[2] > near[1]
    assert await memory.closeness("a whale", []) == ()

    for error in DOWN:
        far.down, watch.now_s = error, watch.now_s + 10 * PAUSE_S
        assert await memory.closeness("a whale", ["rope"]) is None
    await memory.aclose()
