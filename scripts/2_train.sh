#!/usr/bin/env bash
# Stage 2: records -> a trained backbone.
#   scripts/2_train.sh --config configs/presets/NAME.yaml data.records=[PREFIX] out=RUN [key=value ...]
# NPROC: processes on this host (default: its GPUs, else 1).
# Several hosts: set TORCHRUN="--nnodes 2 --rdzv-backend c10d --rdzv-endpoint HOST:29400".
source "$(dirname "$0")/env.sh"
if [ $# -lt 1 ]; then sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; fi
gpus=$(nvidia-smi -L 2>/dev/null | wc -l || true)
nproc=${NPROC:-$((gpus > 0 ? gpus : 1))}
# Over several hosts, ranks that are restarted would otherwise find the addresses of those that died.
if [ -n "${TORCHRUN:-}" ]; then export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1; fi
# Mistakes in the settings are told once, before any process is launched.
python -m train "$@" --print-config > /dev/null
# shellcheck disable=SC2086  # TORCHRUN is a list of words
say torchrun --nproc-per-node "$nproc" ${TORCHRUN:---standalone} -m train "$@"
