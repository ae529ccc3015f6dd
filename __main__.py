"""`python -m bullpen` is the `bullpen` command."""

from .orchestrator.cli import main

main()
