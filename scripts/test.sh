#!/usr/bin/env bash
# The tests; arguments go to pytest.
#   scripts/test.sh                 everything
#   scripts/test.sh -m "not slow"   the quick ones
#   scripts/test.sh tests/models -k arc
source "$(dirname "$0")/env.sh"
say python -m pytest "$@"
