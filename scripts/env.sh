# Sourced by every script: goes to the project's root and takes its environment.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
if [ -d .venv/bin ]; then export PATH="$PWD/.venv/bin:$PATH"; fi
cores=$(getconf _NPROCESSORS_ONLN)
# Two processes on two cores: more threads than cores costs far more than it gives.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"

# Prints a command, then runs it.
say() { printf '\n+ %s\n' "$*"; "$@"; }
