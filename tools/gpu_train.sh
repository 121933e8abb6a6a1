#!/bin/sh
# Train the full network on one GPU, test it on the validation photographs, and leave
# weights in half precision in pieces, with logs and scores. Needs no network.
#
#   sh tools/gpu_train.sh [--minutes 5] [--data data/gpu_set] [--out OUT]
#   sh tools/gpu_train.sh --iters 200 [--precision float32] ...   losses alone
#   sh tools/gpu_train.sh --dry-run ...   three iterations of all of it, on a CPU too
#   sh tools/gpu_train.sh --join OUT      put the pieces together and check them
#
# The data set is made once, where the photographs are, and has 24 MB:
#
#   python tools/convert_datasets/idrid.py DOWNLOAD -o data/gpu_set --max-side 1800
#
# --wheels: folder of wheels that the machine lacks (make wheels), put on PYTHONPATH for
# this run. PYTHON: the Python of the environment; WHEELS, OUT: defaults of the options.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
minutes=5 data=data/gpu_set out=${OUT:-work_dirs/gpu_train/out} iters='' dry=''
precision=bfloat16 join='' work=work_dirs/gpu_train wheels=${WHEELS:-}
while [ $# -gt 0 ]; do
    case $1 in
    --dry-run) dry=yes && shift && continue ;;
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

scratch=$(mktemp -d)
# The logs are left also where a limit of time ends the training.
child=''
finish() {
    [ -z "$child" ] || kill "$child" 2>/dev/null || true
    if [ ! -e "$out/logs.tar.gz" ]; then
        mkdir -p "$out/$precision"
        cp -f "$work"/*.log "$work"/*.log.json "$out/$precision" 2>/dev/null || true
    fi
    rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 143' TERM
# shellcheck source=tools/gpu_common.sh
. tools/gpu_common.sh
set_up_python "$python" "$wheels" "$scratch"
# What is left of float32 products runs in TF32.
[ "$precision" = float32 ] || export TORCH_ALLOW_TF32_CUBLAS_OVERRIDE=1
cores=$(nproc)
workers=$((cores > 2 ? cores - 2 : 1))
[ -z "$dry" ] || work=$work/dry
[ -z "$iters" ] || work=$work/$precision
rm -rf "$work" "$out/logs.tar.gz" && mkdir -p "$work" "$out"
root=$(cd "$data" && pwd)
data="data.train.dataset.data_root=$root data.val.data_root=$root"
data="$data data.train.dataset.pipeline.LoadPhotograph.cache_dir=$scratch/cache"
data="$data data.workers_per_gpu=$workers"
if [ -n "$dry" ]; then
    head -n 1 "$root/splits/val.txt" >"$work/val.txt"
    data="$data data.val.split=$PWD/$work/val.txt data.samples_per_gpu=2"
    data="$data data.train.dataset.pipeline.LoadPhotograph.crop.crop_size=[64,64]"
fi
bfloat16="model.train_cfg.bfloat16=$bfloat16"

train() {
    # Signals reach a shell that waits at once.
    "$python" tools/train.py "$@" --work-dir "$work" --seed 0 --no-validate &
    child=$!
    wait "$child"
    child=''
}

# Options without blanks, so that they may be split.
# shellcheck disable=SC2086
if [ -n "$iters" ]; then
    train configs/hacdr_idrid.py --cfg-options $data $bfloat16 \
        "runner.max_iters=$iters" log_config.interval=10 \
        checkpoint_config.interval=1000000
    exit
fi
config=configs/hacdr_idrid_gpu.py
if [ -n "$dry" ]; then
    # shellcheck disable=SC2086
    train "$config" --cfg-options $data $bfloat16 custom_hooks.TimeBudgetHook.minutes=None \
        runner.max_iters=3 log_config.interval=1
else
    # shellcheck disable=SC2086
    train "$config" --cfg-options $data $bfloat16 "custom_hooks.TimeBudgetHook.minutes=$minutes"
fi
# shellcheck disable=SC2012
checkpoint=$(ls -t "$work"/iter_*.pth | head -n 1)
# The weights are left also where the test fails.
status=0
# shellcheck disable=SC2086
"$python" tools/test.py "$config" "$checkpoint" --work-dir "$work" --split val \
    --eval mAUPR mDice --cfg-options $data || status=1
thresholds=''
[ ! -e "$work/results_val.json" ] || thresholds="--thresholds $work/results_val.json"
# shellcheck disable=SC2086
"$python" tools/publish_model.py "$checkpoint" "$work/weights.safetensors" $thresholds
rm -f "$out"/weights.safetensors.part*
split -b 15000000 -d -a 2 "$work/weights.safetensors" "$out/weights.safetensors.part"
(cd "$work" && sha256sum weights.safetensors) >"$out/weights.sha256"
(cd "$work" && find . -maxdepth 1 -type f -size -20M ! -name '*.safetensors' |
    tar czf - -T -) >"$out/logs.tar.gz"
cat "$work/training.json"
ls -l "$out"
exit $status
