#!/usr/bin/env bash
# Stage 3: images and a model -> embeddings X.npy X.txt X.json.
#   scripts/3_extract.sh --model RUN --images CROPS --out X [options of "eval extract"]
# NPROC: processes on this host (default: its GPUs, else 1).
source "$(dirname "$0")/env.sh"
if [ $# -lt 1 ]; then sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; fi
gpus=$(nvidia-smi -L 2>/dev/null | wc -l || true)
nproc=${NPROC:-$((gpus > 0 ? gpus : 1))}
if [ "$nproc" -gt 1 ]; then
  say torchrun --standalone --nproc-per-node "$nproc" -m eval extract "$@"
else
  say python -m eval extract "$@"
fi
