#!/usr/bin/env bash
# The whole road on embedded data: synthetic people -> aligned crops -> records -> a network trained
# on two processes with SV-AM-Softmax -> verification of people it has never seen -> a report.
#   scripts/demo.sh [key=value ...]     settings for the training, e.g. loss.name=coco
# Leaves out/demo/report.html, trained.json and untrained.json; starts afresh each time.
source "$(dirname "$0")/env.sh"
out=out/demo
workers=$cores
rm -rf "$out"

echo "Likeness demo: all in $out"
say python -m data_prep synthetic --out "$out/train" --people 240 --images 20 --size 128 \
  --seed 1 --workers "$workers"
say python -m data_prep synthetic --out "$out/test" --people 80 --images 10 --size 128 \
  --seed 1 --first-person 10000 --folds 10 --pairs-per-fold 150 --workers "$workers"
for part in train test; do
  say python -m data_prep align --images "$out/$part/photos" --landmarks "$out/$part/landmarks.txt" \
    --out "$out/$part/crops" --size 64 --workers "$workers"
done
say python -m data_prep pack --images "$out/train/crops" --out "$out/records/train"
say python -m data_prep check "$out/records/train"

run=("--config" configs/presets/demo.yaml "data.records=[$out/records/train]"
  "validation.images=$out/test/crops" "validation.pairs=$out/test/pairs.txt" "$@")
say python -m train "${run[@]}" out="$out/untrained" --untrained
say torchrun --standalone --nproc-per-node 2 -m train "${run[@]}" out="$out/trained"

for name in untrained trained; do
  embeddings="$out/embeddings/$name"
  say python -m eval extract --model "$out/$name" --images "$out/test/crops" --out "$embeddings"
  say python -m eval run --protocol lfw --pairs "$out/test/pairs.txt" --embeddings "$embeddings" \
    --out "$out/$name.json"
done
say python -m eval report "$out/trained.json" "$out/untrained.json" --out "$out/report.html" \
  --title "Likeness demo: people never seen in training"
echo
python - "$out" <<'EOF'
import json, sys
for name in ("untrained", "trained"):
    accuracy = json.load(open(f"{sys.argv[1]}/{name}.json"))["accuracy"]
    print(f"{name:>9}: accuracy {accuracy['mean']:.4f} ± {accuracy['std_error']:.4f}")
EOF
echo "open $out/report.html in a browser"
