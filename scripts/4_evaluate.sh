#!/usr/bin/env bash
# Stage 4: embeddings and a pair list -> a JSON result and a report.
#   scripts/4_evaluate.sh PROTOCOL PAIRS X OUT [options of "eval run", e.g. --compat insightface]
# writes OUT.json and OUT.html
source "$(dirname "$0")/env.sh"
if [ $# -lt 4 ]; then sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; fi
protocol=$1 pairs=$2 embeddings=$3 out=$4; shift 4
say python -m eval run --protocol "$protocol" --pairs "$pairs" --embeddings "$embeddings" \
  --out "$out.json" "$@"
say python -m eval report "$out.json" --out "$out.html"
