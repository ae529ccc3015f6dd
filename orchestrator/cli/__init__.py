"""The `bullpen` command: research, and reading what was done. A command imports what it needs when it is called."""

from .app import main

__all__ = ["main"]
