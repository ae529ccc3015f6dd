"""Bullpen over LiteLLM: the same team, another lane."""

from peers import bullpen_direct

NAME = "Bullpen, LiteLLM"
VENV = "project"
VENV_NAME = "bullpen"
MAIN = "bullpen"


async def make_job(base_url: str):
    return await bullpen_direct.make_job(base_url, "litellm:openai/gpt-4o-mini")
