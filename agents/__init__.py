"""The agents: a supervisor, four workers, their prompts, and the team they make."""

from .team import research_team

__all__ = ["research_team"]
