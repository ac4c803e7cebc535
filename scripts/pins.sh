#!/usr/bin/env bash
# Real faces on two CPU cores: trains on pins_faces112 without the people who are also in LFW, then
# judges LFW and a look-alike list, beside the untrained network (docs/results.md).
#   scripts/pins.sh DATA OUT [key=value ...]
# DATA holds pins_faces112.tar, lfw_photos.tar and lists/; OUT is a new folder. About half an hour.
source "$(dirname "$0")/env.sh"
if [ $# -lt 2 ]; then sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; fi
data=$1 out=$2; shift 2
workers=$cores
mkdir -p "$out"

say tar -xf "$data/pins_faces112.tar" -C "$out"
say tar -xf "$data/lfw_photos.tar" -C "$out"
say python -m data_prep pack --images "$out/pins" --out "$out/records/train" \
  --exclude "$data/lists/pins_lfw_overlap.txt"
say python -m data_prep check "$out/records/train"
say python -m data_prep align --images "$out/lfw" --landmarks "$data/lists/lfw_landmarks.txt" \
  --out "$out/lfw112" --workers "$workers"

run=(--config configs/presets/pins_sv_am.yaml "data.records=[$out/records/train]" "$@")
say python -m train "${run[@]}" out="$out/untrained" --untrained
say torchrun --standalone --nproc-per-node 2 -m train "${run[@]}" out="$out/trained"

for name in untrained trained; do
  say python -m eval extract --model "$out/$name" --images "$out/lfw112" --out "$out/embeddings/$name"
  say python -m eval run --protocol lfw --pairs "$data/lists/lfw_pairs.txt" \
    --embeddings "$out/embeddings/$name" --out "$out/${name}_lfw.json"
  say python -m eval run --protocol sllfw --pairs "$data/lists/pair_similar_LFW.txt" \
    --embeddings "$out/embeddings/$name" --out "$out/${name}_lookalike.json"
done
say python -m eval report "$out"/{trained,untrained}_{lfw,lookalike}.json --out "$out/report.html" \
  --title "pins_faces112 without LFW's people, SV-AM-Softmax"
