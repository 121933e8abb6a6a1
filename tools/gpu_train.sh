#!/usr/bin/env bash
# Train the full network on one GPU, test it on the validation photographs, and
# leave weights in half precision in pieces, with logs and scores. Needs no
# network.
#
#   bash tools/gpu_train.sh [--minutes 5] [--data data/gpu_set] [--out OUT]
#   bash tools/gpu_train.sh --iters 200 [--precision float32] ...   losses alone
#   bash tools/gpu_train.sh --dry-run ...   three iterations of it, on a CPU too
#   bash tools/gpu_train.sh --join OUT      put the pieces together and check them
#
# A training that is there is not written over: move or delete
# work_dirs/gpu_train. The data set is made once, where the photographs are, and
# has 24 MB:
#
#   hacdr convert idrid DOWNLOAD -o data/gpu_set --max-side 1800
#
# --wheels: folder of wheels that the machine lacks (make wheels), put on
# PYTHONPATH for this run. PYTHON: the Python of the environment; WHEELS, OUT:
# defaults of the options.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
minutes=5 data=data/gpu_set out=${OUT:-work_dirs/gpu_train_out} iters='' dry=''
precision=bfloat16 join='' work=work_dirs/gpu_train wheels=${WHEELS:-}
# shellcheck source=tools/gpu_common.sh
. tools/gpu_common.sh
while [ $# -gt 0 ]; do
    case $1 in
    --dry-run) dry=yes && shift && continue ;;
    -h | --help) show_usage && exit ;;
    esac
    [ $# -gt 1 ] || { echo "error: $1: expected a value" >&2 && exit 2; }
    case $1 in
    --minutes) minutes=$2 ;;
    --data) data=$2 ;;
    --out) out=$2 ;;
    --iters) iters=$2 ;;
    --precision) precision=$2 ;;
    --join) join=$2 ;;
    --wheels) wheels=$2 ;;
    *) echo "error: $1: unknown option" >&2 && exit 2 ;;
    esac
    shift 2
done

if [ -n "$join" ]; then
    cd "$join"
    cat weights.safetensors.part* >weights.safetensors
    exec sha256sum -c weights.sha256
fi

[ -e "$data/splits/train.txt" ] || {
    echo "error: $data: not a converted data set; make it with: python" \
        "tools/convert_datasets/idrid.py DOWNLOAD -o $data --max-side 1800" >&2
    exit 2
}
case $precision in
float32) bfloat16=False ;;
bfloat16) bfloat16=True ;;
*) echo "error: --precision $precision: expected float32 or bfloat16" >&2 && exit 2 ;;
esac

[ -z "$dry" ] || work=${work}_dry
[ -z "$iters" ] || work=${work}_$precision
if [ "$work" = work_dirs/gpu_train ] && [ -n "$(find "$work" -name 'iter_*.pth' 2>/dev/null)" ]
then
    echo "error: $work: holds a training; move or delete it" >&2 && exit 2
fi
scratch=$(mktemp -d)
# The logs are left also where a limit of time ends the training.
finish() {
    if [ ! -e "$out/logs.tar.gz" ]; then
        mkdir -p "$out/$precision"
        cp -f "$work"/*.log "$work"/*.log.json "$out/$precision" 2>/dev/null || true
    fi
    rm -rf "$scratch"
}
trap finish EXIT
set_up_python "$python" "$wheels" "$scratch"
# What is left of float32 products runs in TF32.
[ "$precision" = float32 ] || export TORCH_ALLOW_TF32_CUBLAS_OVERRIDE=1
cores=$(nproc)
workers=$((cores > 2 ? cores - 2 : 1))
rm -rf "$work" "$out/logs.tar.gz" && mkdir -p "$work" "$out"
root=$(cd "$data" && pwd)
options=(
    "data.train.dataset.data_root=$root" "data.val.data_root=$root"
    "data.train.dataset.pipeline.LoadPhotograph.cache_dir=$scratch/cache"
    "data.workers_per_gpu=$workers"
)
if [ -n "$dry" ]; then
    head -n 1 "$root/splits/val.txt" >"$work/val.txt"
    options+=(
        "data.val.split=$PWD/$work/val.txt" data.samples_per_gpu=2
        "data.train.dataset.pipeline.LoadPhotograph.crop.crop_size=[64,64]"
    )
fi
bfloat16="model.train_cfg.bfloat16=$bfloat16"

# A config, and options of its own.
train() {
    run_child "$python" tools/train.py "$1" --work-dir "$work" --seed 0 --no-validate \
        --cfg-options "${options[@]}" "$bfloat16" "${@:2}"
}

if [ -n "$iters" ]; then
    train configs/hacdr_idrid.py "runner.max_iters=$iters" log_config.interval=10 \
        checkpoint_config.interval=1000000
    exit
fi
config=configs/hacdr_idrid_gpu.py
if [ -n "$dry" ]; then
    train "$config" custom_hooks.TimeBudgetHook.minutes=None runner.max_iters=3 \
        log_config.interval=1
else
    train "$config" "custom_hooks.TimeBudgetHook.minutes=$minutes"
fi
# shellcheck disable=SC2012
checkpoint=$(ls -t "$work"/iter_*.pth | head -n 1)
# The weights are left also where the test fails.
status=0
run_child "$python" tools/test.py "$config" "$checkpoint" --work-dir "$work" --split val \
    --eval mAUPR mDice --cfg-options "${options[@]}" || status=1
thresholds=()
[ ! -e "$work/results_val.json" ] || thresholds=(--thresholds "$work/results_val.json")
"$python" tools/publish_model.py "$checkpoint" "$work/weights.safetensors" \
    ${thresholds[@]+"${thresholds[@]}"}
rm -f "$out"/weights.safetensors.part*
split -b 15000000 -d -a 2 "$work/weights.safetensors" "$out/weights.safetensors.part"
(cd "$work" && sha256sum weights.safetensors) >"$out/weights.sha256"
(cd "$work" && find . -maxdepth 1 -type f -size -20M ! -name '*.safetensors' |
    tar czf - -T -) >"$out/logs.tar.gz"
cat "$work/training.json"
ls -l "$out"
exit $status
