"""What a job can use: a reader of corpora, and tools made of typed functions."""

from .corpus import read_corpus
from .tool import Tool, tool
from .toolbox import LocalToolbox, open_toolbox

__all__ = ["LocalToolbox", "Tool", "open_toolbox", "read_corpus", "tool"]
