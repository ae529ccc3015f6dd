#!/bin/sh
# Set everything up, answer a question from the documents in examples/corpus without any key, and check each quote.
# Arguments go to `bullpen research`, for example another model: sh examples/first_job.sh --model openai_http:qwen3
set -eu
cd "$(dirname "$0")/.."
sh .ci/setup.sh run

QUESTION="What did the night bus pilot cost, who used it, and why was it extended?"
status=0
.venv/bin/bullpen research "$QUESTION" --corpus examples/corpus --model embedded:extract "$@" || status=$?
# 3 is a partial answer: it names what is missing, and what it does say can be checked.
[ "$status" = 0 ] || [ "$status" = 3 ] || exit "$status"
.venv/bin/bullpen verify latest
