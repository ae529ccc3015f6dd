"""Names as providers return them: no alarm for the model that was asked, and one for any other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bullpen.orchestrator.rules.same_model import is_same_model, without_folder

SAME = """
gpt-4o                                      gpt-4o-2024-08-06
openai/gpt-4.1-mini                         gpt-4.1-mini-2025-04-14
openai/gpt-4o-mini-latest                   gpt-4o-mini-2024-07-18
openai/chatgpt-4o-latest                    chatgpt-4o-latest
openai/gpt-4-turbo                          gpt-4-turbo-2024-04-09
gpt-4o-2024-08-06                           gpt-4o
openai/o3-mini                              o3-mini-2025-01-31
ft:gpt-4o-mini:org::id                      ft:gpt-4o-mini-2024-07-18:org::id
openai/ft:gpt-4o-mini-2024-07-18:acme:t:9x  ft:gpt-4o-mini-2024-07-18:acme:t:9x
azure/my-deployment                         gpt-4o-2024-08-06
azure/prod-chat                             gpt-4.1-mini-2025-04-14
anthropic/claude-haiku-4-5                  claude-haiku-4-5-20251001
anthropic/claude-3-5-sonnet-latest          claude-3-5-sonnet-20241022
anthropic/claude-sonnet-4-0                 claude-sonnet-4-20250514
vertex_ai/claude-sonnet-4@20250514          claude-sonnet-4-20250514
bedrock/anthropic.claude-3-5-sonnet-20240620-v1:0     anthropic.claude-3-5-sonnet-20240620-v1:0
bedrock/us.anthropic.claude-3-5-sonnet-20241022-v2:0  claude-3-5-sonnet-20241022
bedrock/eu.amazon.nova-lite-v1:0                      amazon.nova-lite-v1:0
bedrock/converse/us.meta.llama3-3-70b-instruct-v1:0   meta.llama3-3-70b-instruct-v1:0
bedrock/arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-3-haiku-20240307-v1:0  claude-3-haiku-20240307
bedrock/arn:aws:bedrock:us-east-1:1:application-inference-profile/ab12                           claude-3-haiku-20240307
gemini/gemini-2.5-flash                     gemini-2.5-flash
gemini/gemini-2.5-flash                     gemini-2.5-flash-preview-05-20
gemini/gemini-1.5-pro                       models/gemini-1.5-pro-002
gemini/gemini-2.0-flash-001                 models/gemini-2.0-flash
gemini/gemini-flash-latest                  gemini-2.5-flash-preview-09-2025
mistral/mistral-medium-latest               mistral-medium-2508
mistral/open-mistral-nemo                   open-mistral-nemo-2407
cohere/command-r-plus                       command-r-plus-08-2024
groq/openai/gpt-oss-120b                    openai/gpt-oss-120b
groq/llama-3.3-70b-versatile                llama-3.3-70b-versatile
groq/llama3-8b-8192                         llama3-8b-8192
deepseek/deepseek-chat                      deepseek-chat-v3.1
xai/grok-4                                  grok-4-0709
dashscope/qwen-plus                         qwen-plus-2025-07-28
openrouter/meta-llama/llama-3.3-70b-instruct:free     meta-llama/llama-3.3-70b-instruct
openrouter/meta-llama/llama-3.3-70b-instruct          meta-llama/llama-3.3-70b-instruct:free
openrouter/openai/gpt-4o:online             openai/gpt-4o-2024-11-20
openrouter/deepseek/deepseek-r1:thinking    deepseek/deepseek-r1
openrouter/auto                             anthropic/claude-3.5-sonnet
together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo   meta-llama/Llama-3.3-70B-Instruct-Turbo
fireworks_ai/accounts/fireworks/models/llama-v3p1-8b  accounts/fireworks/models/llama-v3p1-8b
cerebras/llama3.1-8b                        llama3.1-8b
ollama/llama3.2                             llama3.2:latest
ollama/llama3.2:3b                          llama3.2:3b
ollama/qwen2.5:7b-instruct-q4_K_M           qwen2.5:7b-instruct-q4_K_M
qwen3                                       /models/qwen3-Q4_K_M.gguf
qwen3-8b                                    qwen3-8b.Q5_0.gguf
lm_studio/qwen3-8b                          qwen/qwen3-8b@q4_k_m
Qwen/Qwen3-8B                               /data/models/Qwen3-8B/
hosted_vllm/meta-llama/Llama-3.1-8B         meta-llama/Llama-3.1-8B
huggingface/together/deepseek-ai/DeepSeek-R1          deepseek-ai/DeepSeek-R1
default                                     Qwen/Qwen3-8B
"""
OTHER = """
gpt-4o                    gpt-4o-mini-2024-07-18
gpt-4                     gpt-4.1
gpt-4                     gpt-4.5-preview
gpt-4-turbo               gpt-4-0613
gpt-4o-2024-08-06         gpt-4o-2024-05-13
gpt-4o-latest             gpt-4o-mini
gpt-5                     gpt-5-nano-2025-08-07
gpt-oss-120b              gpt-oss-20b
o3                        o3-mini
ft:gpt-4o:org::id         gpt-4o-2024-08-06
ft:gpt-4o:org::id         ft:gpt-4o:org::other
claude-sonnet-4           claude-sonnet-4-5
claude-opus-4-1           claude-opus-4-20250514
claude-3-5-sonnet-latest  claude-3-haiku-20240307
claude-3-7-sonnet-latest  claude-3-5-sonnet-20241022
us.anthropic.claude-3-opus-20240229-v1:0  anthropic.claude-3-haiku-20240307-v1:0
anthropic.claude-3-5-sonnet-20240620-v1:0 anthropic.claude-3-5-sonnet-20241022-v2:0
gemini-2.5-pro            gemini-2.5-flash
gemini-2.5-flash          gemini-2.5-flash-lite
gemini-flash-latest       gemini-2.5-flash-lite
mistral-large-latest      mistral-small-2503
deepseek-chat             deepseek-reasoner
grok-4                    grok-4-fast
llama3                    llama3.2
llama-3                   llama-3-8b
llama-3.3-70b-instruct    llama-3.1-8b-instruct
qwen3:8b                  qwen3:0.6b
qwen3                     qwen3-0.6b
mixtral-8x7b              mixtral-8x22b
"""


def pairs(table: str) -> list[tuple[str, ...]]:
    return [tuple(line.split()) for line in table.strip().splitlines()]


@pytest.mark.parametrize(("asked", "returned"), pairs(SAME))
def test_the_model_that_was_asked_raises_no_alarm(asked: str, returned: str) -> None:
    assert is_same_model(asked, returned)


@pytest.mark.parametrize(("asked", "returned"), pairs(OTHER))
def test_another_model_does(asked: str, returned: str) -> None:
    assert not is_same_model(asked, returned)


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_name_breaks_it_and_each_is_itself(asked: str, returned: str) -> None:
    is_same_model(asked, returned)
    assert is_same_model(asked, asked)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("/models/qwen-1.5b.gguf", "qwen-1.5b.gguf"),
        ("C:\\models\\qwen-1.5b.gguf", "qwen-1.5b.gguf"),
        ("meta-llama/llama-3-8b", "meta-llama/llama-3-8b"),
        ("gpt-4o", "gpt-4o"),
        ("", ""),
    ],
)
def test_people_are_told_no_folders_of_whoever_serves_a_model(model: str, told: str) -> None:
    assert without_folder(model) == told
