"""What a project remembers: documents, their passages and notes, with search by words and by vectors.

`open_memory` keeps them in a folder; `open_in_memory` is its twin for tests. Loads no index before its first use.
"""

from .embedding import Embedder, HashedEmbedder
from .in_memory import InMemory, open_in_memory
from .memory import ProjectMemory, open_memory

__all__ = ["Embedder", "HashedEmbedder", "InMemory", "ProjectMemory", "open_in_memory", "open_memory"]
