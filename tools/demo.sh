#!/bin/sh
# The main job on generated photographs: generate, convert, train, test, report.
# Arguments: data folder, work folder. PYTHON: the Python of the environment.
set -eu
data=$1
work=$2
config=configs/hacdr_demo.py
if [ ! -e "$data/manifest.json" ]; then
    [ -e "$data-download" ] ||
        "$PYTHON" tools/generate_photographs.py -o "$data-download" \
            --train 40 --test 8 --size 1440x960
    "$PYTHON" tools/convert_datasets/idrid.py "$data-download" -o "$data"
fi
"$PYTHON" tools/train.py "$config" --work-dir "$work" --seed 0 --auto-resume
best=$(ls -t "$work"/best_mAUPR_iter_*.pth | head -n 1)
# Validation photographs choose the thresholds, the test's are scored at them.
"$PYTHON" tools/test.py "$config" "$best" --work-dir "$work" --split val --eval mDice
"$PYTHON" tools/test.py "$config" "$best" --work-dir "$work" --eval mAUPR mDice \
    --thresholds "$work/results_val.json" --save-probabilities "$work/probabilities"
"$PYTHON" tools/predict.py "$data/images/test" -o "$work/predictions" \
    --weights "$best" --config "$config" --labels "$data/labels/test" --overwrite
echo "checkpoint: $best"
echo "scores:     $work/results.json"
echo "lesions:    $work/predictions/index.html"
"$PYTHON" tools/report.py "$work/results.json"
