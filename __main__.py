"""`python -m bullpen` is the `bullpen` command."""

import os
import sys

# `-m` puts the working folder first on the path: none of its files stands in for a library.
if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:
    del sys.path[0]

from .orchestrator.cli import main

main()
