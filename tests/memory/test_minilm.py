"""The encoder: its graph agrees with a second one, its files are checked, and its vectors mean something."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

from bullpen.memory import Embedder, minilm, minilm_chroma
from bullpen.memory.minilm import INSTALL, MiniLM, find_weights, session
from bullpen.memory.onnx_graph import HIDDEN, TABLE, TOKENS, WORDS, encoder, weight_shapes
from bullpen.memory.safetensors import mapped, tensors
from bullpen.orchestrator.errors import BadInput

from .encoder import encode

SENTENCES = [
    "A man is eating food.",
    "Someone is having a meal.",
    "The stock market fell sharply on Monday.",
    "Share prices dropped at the start of the week.",
    "",
    "naïve café — œuvre, 東京 & ελληνικά",
    "Vitamin D supplements did not reduce the incidence of cancer in the randomised trial.",
    "def f(x):\n    return x ** 2  # squares",
    "word " * 120,
    "a long passage that is cut off where the model ends. " * 60,
]


@pytest.fixture(scope="module")
def weights() -> Path:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.delenv(minilm.FOLDER, raising=False)
        folder = find_weights()
    if folder is None:
        pytest.skip(f"the weights of all-MiniLM-L6-v2 are not here; to run this: {INSTALL}")
    return folder


@pytest.fixture(scope="module")
def model(weights: Path) -> MiniLM:
    return MiniLM(weights)


def cosine(one: Any, other: Any) -> float:
    return float(numpy.dot(one, other) / numpy.linalg.norm(one) / numpy.linalg.norm(other))


class TestGraph:
    """What needs no weights: any will do."""

    def test_it_is_small_and_always_the_same(self) -> None:
        assert encoder() == encoder()
        assert len(encoder()) < 30_000

    @pytest.mark.parametrize("threads", [1, 2])
    def test_it_agrees_with_a_second_encoder_on_random_weights(self, threads: int) -> None:
        random = numpy.random.default_rng(7)
        made = {name: random.normal(0, 0.1, shape).astype(numpy.float32) for name, shape in weight_shapes().items()}
        runs = session(encoder(), made, threads=threads)
        table = random.normal(0, 0.1, (WORDS, HIDDEN)).astype(numpy.float32)
        for length in (1, 2, 17, 256):
            tokens = random.integers(0, WORDS, length, dtype=numpy.int64)

            [vector] = runs.run(None, {TOKENS: table[tokens]})

            assert vector.shape == (HIDDEN,)
            assert numpy.abs(vector - encode({**made, TABLE: table}, tokens.tolist())).max() < 1e-5


class TestVectors:
    def test_they_agree_with_a_second_encoder(self, model: MiniLM, weights: Path) -> None:
        file = weights / minilm.WEIGHTS
        arrays = tensors(file, mapped(file))
        vectors = model.embed(SENTENCES)
        tokenizer = minilm._tokenizer((weights / minilm.TOKENIZER).read_bytes())

        cosines = [
            cosine(vector, encode(arrays, tokenizer.encode(text).ids))
            for text, vector in zip(SENTENCES, vectors, strict=True)
        ]

        assert min(cosines) >= 0.999999, cosines

    def test_they_are_those_of_the_published_model(self, model: MiniLM) -> None:
        """The example of its model card: the numbers that other implementations, independent of this one, give."""
        one, other = model.embed(["This is an example sentence", "Each sentence is converted"])

        assert one[:4] == pytest.approx([0.0676569, 0.0634959, 0.0487131, 0.0793049], abs=1e-5)
        assert other[:3] == pytest.approx([0.0864386, 0.1027629, 0.0053946], abs=1e-5)

    def test_they_have_length_one(self, model: MiniLM) -> None:
        vectors = model.embed(SENTENCES)

        assert {len(vector) for vector in vectors} == {model.dimensions}
        assert numpy.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)

    def test_near_meanings_are_near_and_others_are_not(self, model: MiniLM) -> None:
        eating, meal, fell, dropped, *_ = model.embed(SENTENCES)

        assert min(cosine(eating, meal), cosine(fell, dropped)) > 0.5
        assert max(cosine(eating, fell), cosine(meal, dropped)) < 0.1

    def test_a_text_has_one_vector_whatever_its_companions(self, model: MiniLM, weights: Path) -> None:
        alone = [MiniLM(weights, threads=1).embed([SENTENCES[0]])[0], *(model.embed([one])[0] for one in SENTENCES)]

        together = MiniLM(weights, threads=2, cached=0).embed([SENTENCES[0], *SENTENCES])

        assert together == alone

    def test_what_comes_after_the_last_token_does_not_count(self, model: MiniLM) -> None:
        whole, cut, shorter = model.embed(["word " * 300, "word " * 254, "word " * 253])

        assert whole == cut != shorter

    def test_what_no_store_can_keep_is_embedded_as_what_stands_for_it(self, model: MiniLM) -> None:
        assert model.embed(["a \ud800 b"]) == model.embed(["a \ufffd b"])

    def test_a_text_is_encoded_once_as_long_as_it_is_kept(self, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        model, encoded = MiniLM(weights, cached=2), ""
        model.load()
        encode_one: Callable[[str], Any] = model._encoded

        def noted(text: str) -> Any:
            nonlocal encoded
            encoded += text
            return encode_one(text)

        monkeypatch.setattr(model, "_encoded", noted)
        for text in "abacab":  # c drives out b, which was not asked for the longest
            model.embed([text])

        assert encoded == "abcb"

    def test_nothing_is_left_in_the_home_folder_and_no_socket_is_opened(self, weights: Path, tmp_path: Path) -> None:
        code = """
import sys
sys.addaudithook(lambda event, args: sys.exit(event) if event.startswith("socket.") else None)
from pathlib import Path
from bullpen.memory.minilm import MiniLM
MiniLM(Path(sys.argv[1])).embed(["a text"])
"""
        clean = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
        clean |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}

        done = subprocess.run([sys.executable, "-c", code, str(weights)], env=clean, capture_output=True, text=True)

        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert list(tmp_path.rglob("*")) == []


class TestFinding:
    @pytest.fixture(autouse=True)
    def nothing_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(minilm.FOLDER, raising=False)
        monkeypatch.setenv("HOME", str(tmp_path))

    def test_the_named_folder_comes_first(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in minilm.PUBLISHED:
            (tmp_path / name).write_bytes(b"whatever: finding reads nothing")
        monkeypatch.setenv(minilm.FOLDER, str(tmp_path))

        assert find_weights() == tmp_path

    def test_then_the_installed_package_which_is_not_imported(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.install(tmp_path, monkeypatch, *minilm.PUBLISHED)

        assert find_weights() == tmp_path / "some_weights" / "model"
        assert "some_weights" not in sys.modules

    @pytest.mark.parametrize("files", [(), (minilm.WEIGHTS,)])
    def test_a_package_without_all_files_is_none(
        self, files: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.install(tmp_path, monkeypatch, *files)

        assert find_weights() is None

    def test_what_chroma_has_downloaded_comes_last(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(minilm, "PACKAGE", "a_package_that_nobody_has")
        (folder := tmp_path / minilm_chroma.FOLDER).mkdir(parents=True)
        before = find_weights()
        (folder / minilm_chroma.ARCHIVE).write_bytes(b"whatever: finding reads nothing")
        after = find_weights()
        self.install(tmp_path, monkeypatch, *minilm.PUBLISHED)

        assert (before, after) == (None, folder)
        assert find_weights() == tmp_path / "some_weights" / "model"

    def test_a_named_folder_may_be_chromas(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(minilm.FOLDER, str(tmp_path))
        (tmp_path / minilm_chroma.ARCHIVE).write_bytes(b"")

        assert find_weights() == tmp_path

    @pytest.mark.parametrize("named", [None, ""])
    def test_no_folder_and_no_package_is_none(self, named: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(minilm, "PACKAGE", "a_package_that_nobody_has")
        if named is not None:
            monkeypatch.setenv(minilm.FOLDER, named)

        assert find_weights() is None

    def test_a_named_folder_without_the_model_is_a_mistake(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(minilm.FOLDER, str(tmp_path / "nowhere"))

        with pytest.raises(BadInput, match=r"^BULLPEN_MINILM_DIR = .*nowhere' holds no model\.safetensors; name"):
            find_weights()

    @staticmethod
    def install(folder: Path, monkeypatch: pytest.MonkeyPatch, *files: str) -> None:
        """A package that fails when it is imported, with these files of a model."""
        package = folder / "some_weights"
        (package / "model").mkdir(parents=True)
        (package / "__init__.py").write_text("raise AssertionError('imported')")
        for name in files:
            (package / "model" / name).write_bytes(b"")
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setattr(minilm, "PACKAGE", "some_weights")


class TestLoading:
    def test_making_it_loads_nothing(self, tmp_path: Path) -> None:
        model: Embedder = MiniLM(tmp_path / "nowhere")

        assert (model.id, model.dimensions, model.is_semantic) == ("all-MiniLM-L6-v2", 384, True)

    def test_a_missing_folder_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match=r"nowhere/tokenizer\.json' cannot be read: No such file or directory; give"):
            MiniLM(tmp_path / "nowhere").embed(["a text"])

    @pytest.mark.parametrize("data", [b"", b"not the model"])
    @pytest.mark.parametrize("name", [minilm.WEIGHTS, minilm.TOKENIZER])
    def test_other_bytes_than_the_published_are_refused(
        self, name: str, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / minilm.TOKENIZER).write_bytes(TINY_TOKENIZER)
        if name == minilm.WEIGHTS:
            monkeypatch.setitem(minilm.PUBLISHED, minilm.TOKENIZER, sha256(TINY_TOKENIZER))
        (tmp_path / name).write_bytes(data)
        published = minilm.PUBLISHED[name]

        with pytest.raises(BadInput) as refused:
            MiniLM(tmp_path).load()

        for part in (str(tmp_path / name), sha256(data), published, INSTALL):
            assert part in str(refused.value)


TINY_TOKENIZER = json.dumps(
    {
        "version": "1.0",
        "added_tokens": [],
        "model": {
            "type": "WordPiece",
            "vocab": {"[UNK]": 0},
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
        },
    }
).encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
