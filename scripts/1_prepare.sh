#!/usr/bin/env bash
# Stage 1: photographs -> aligned crops -> one RecordIO set.
#   scripts/1_prepare.sh PHOTOS LANDMARKS OUT [options of "pack", e.g. --exclude FILE]
# LANDMARKS is a file of five points a photograph, or the name of a detector: mtcnn.
# writes OUT/crops/, OUT/train.rec .idx .lst property .manifest.json, OUT/check.txt and OUT/data.html
# SIZE (pixels, 112) and WORKERS (all cores) may be set in the environment.
source "$(dirname "$0")/env.sh"
if [ $# -lt 3 ]; then sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; fi
photos=$1 landmarks=$2 out=$3; shift 3
workers=${WORKERS:-$cores}
points=(--landmarks "$landmarks")
if [ "$landmarks" = mtcnn ]; then points=(--detector mtcnn); fi
say python -m data_prep align --images "$photos" "${points[@]}" --out "$out/crops" \
  --size "${SIZE:-112}" --workers "$workers" --resume
say python -m data_prep pack --images "$out/crops" --out "$out/train" --workers "$workers" \
  --resume "$@"
# The page is drawn whatever the check finds; the exit status is the check's.
status=0
printf '\n+ python -m data_prep check %s\n' "$out/train"
python -m data_prep check "$out/train" | tee "$out/check.txt" || status=$?
say python -m data_prep page "$out/crops" "$out/train" --photos "$photos" \
  --checked "$out/check.txt" --out "$out/data.html"
exit $status
