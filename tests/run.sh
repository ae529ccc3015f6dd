#!/bin/sh
# Set everything up and pass every check and test. Arguments go to pytest: sh tests/run.sh tests/house -x
set -eu
cd "$(dirname "$0")/.."
sh .ci/setup.sh dev

failed=''
check() {
    echo "== $*"
    command=$1
    shift
    ".venv/bin/$command" "$@" || failed="$failed $command"
}

check ruff format --check .
check ruff check .
check mypy
check pytest --numprocesses 2 --dist worksteal "$@"

if [ -n "$failed" ]; then
    echo "failed:$failed" >&2
    exit 1
fi
