#!/bin/sh
# The main job on generated photographs: generate, convert, train, test, report.
# Arguments: data folder, work folder. PYTHON: the Python of the environment.
set -eu
data=$1
work=$2
config=configs/hacdr_demo.py
step=0

# TITLE COMMAND...: run a step under its title, and say how long it took.
run() {
    step=$((step + 1))
    echo
    echo "[$step/5] $1"
    shift
    begin=$(date +%s)
    "$@"
    echo "[$step/5] done in $(($(date +%s) - begin)) s"
}

make_photographs() {
    [ -e "$data-download" ] ||
        "$PYTHON" tools/generate_photographs.py -o "$data-download" \
            --train 40 --test 8 --size 1440x960
}

convert() {
    [ -e "$data/manifest.json" ] ||
        "$PYTHON" tools/convert_datasets/idrid.py "$data-download" -o "$data"
}

train() {
    "$PYTHON" tools/train.py "$config" --work-dir "$work" --seed 0 --auto-resume
}

# Validation photographs choose the thresholds, the test's are scored at them.
score() {
    "$PYTHON" tools/test.py "$config" "$best" --work-dir "$work" --split val \
        --eval mDice
    "$PYTHON" tools/test.py "$config" "$best" --work-dir "$work" --eval mAUPR mDice \
        --thresholds "$work/results_val.json" --save-probabilities "$work/probabilities"
    "$PYTHON" tools/report.py "$work/results.json"
}

predict() {
    "$PYTHON" tools/predict.py "$data/images/test" -o "$work/predictions" \
        --weights "$best" --config "$config" --labels "$data/labels/test" --overwrite
}

run 'photographs of eyes are generated' make_photographs
run 'they are converted as IDRiD is, which has more: hence a warning' convert
run 'a small network learns from 31 of them' train
best=$(ls -t "$work"/best_mAUPR_iter_*.pth | head -n 1)
run 'it is scored on eight that it never saw' score
run 'it outlines the lesions of these eight' predict

echo
echo "the scores, in a browser:   $work/report.html"
echo "the lesions, in a browser:  $work/predictions/index.html"
echo "the weights:                $best"
