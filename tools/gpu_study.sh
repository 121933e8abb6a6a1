#!/usr/bin/env bash
# On one GPU that is there for some minutes: studies, several trainings at once;
# tables and logs. What is cut short saves its checkpoints: while work_dirs/
# stays, the same command goes on. Needs no network.
#
#   tools/gpu_study.sh [--minutes 8] [--at-a-time 12] [--out OUT] [--wheels DIR]
#                      [--device cpu] configs/studies/STUDY.py ...
#
# --minutes: for all studies together, one after the other.
# --out: for tables and logs.
# --wheels: folder of wheels that the machine lacks (make wheels). --device cpu:
# without a GPU. PYTHON: the Python to use; WHEELS, OUT: defaults of the options.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
python=${PYTHON:-python3}
minutes=8 at_a_time=12 wheels=${WHEELS:-} device=0
out=${OUT:-work_dirs/gpu_study}
studies=()
# shellcheck source=tools/gpu_common.sh
. tools/gpu_common.sh
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) show_usage && exit ;;
    --*) [ $# -gt 1 ] || { echo "error: $1: expected a value" >&2 && exit 2; } ;;
    esac
    case $1 in
    --minutes) minutes=$2 && shift ;;
    --at-a-time) at_a_time=$2 && shift ;;
    --out) out=$2 && shift ;;
    --wheels) wheels=$2 && shift ;;
    --device) device=$2 && shift ;;
    --*) echo "error: $1: unknown option" >&2 && exit 2 ;;
    *) studies+=("$1") ;;
    esac
    shift
done
[ ${#studies[@]} -gt 0 ] || { echo 'error: expected a study file' >&2 && exit 2; }
for number in "$minutes" "$at_a_time"; do
    [[ $number =~ ^[1-9][0-9]*$ ]] || {
        echo "error: $number: expected a whole number from 1" >&2 && exit 2
    }
done
case $device in 0 | cpu) ;; *)
    echo "error: --device $device: expected cpu, or nothing for the GPU" >&2 && exit 2 ;;
esac
scratch=$(mktemp -d)
mkdir -p "$out"
set_up_python "$python" "$wheels" "$scratch"
export OMP_NUM_THREADS=1

# Through NVIDIA's MPS the trainings' kernels run side by side; without, in turns.
PATH="$PATH:/usr/local/nvidia/bin"
stop_sharing() { echo quit | timeout 10 nvidia-cuda-mps-control >/dev/null 2>&1; }
trap '[ -z "${CUDA_MPS_PIPE_DIRECTORY:-}" ] || stop_sharing; rm -rf "$scratch"' EXIT
if [ "$device" = 0 ] && [ -n "$(command -v nvidia-cuda-mps-control)" ]; then
    export CUDA_MPS_PIPE_DIRECTORY=$scratch/mps CUDA_MPS_LOG_DIRECTORY=$scratch/log
    mkdir "$CUDA_MPS_PIPE_DIRECTORY" "$CUDA_MPS_LOG_DIRECTORY"
    nvidia-cuda-mps-control -d
    timeout 60 "$python" -c "import torch; torch.ones(1, device='cuda')" || {
        echo 'MPS does not work here: the trainings take turns'
        stop_sharing
        unset CUDA_MPS_PIPE_DIRECTORY CUDA_MPS_LOG_DIRECTORY
    }
fi

deadline=$((SECONDS + 60 * minutes))
failed=0
for study in "${studies[@]}"; do
    left=$((deadline - SECONDS))
    [ $left -gt 0 ] || break
    name=$(basename "$study" .py)
    devices=$(yes "$device" | head -n "$at_a_time")
    # Trainings that are told to end save first, which takes seconds.
    # shellcheck disable=SC2086
    run_limited $left 30 "$out/$name.txt" "$python" -m hacdr study "$study" \
        --devices $devices
    status=$?
    if [ "$status" = 124 ]; then
        echo "$study: time is up; the same command goes on"
        # As everything that may be run again (docs/errors.md).
        status=75
    fi
    [ "$status" = 0 ] || failed=$status
    # A study that cannot be read has told so, and leaves nothing to bring home.
    work=$("$python" -c 'import sys; from hacdr.study import read_study
print(read_study(sys.argv[1]).work_dir)' "$study" 2>/dev/null) && [ -d "$work" ] || continue
    mkdir -p "$out/$name"
    (cd "$work" && find . -name 'table.*' -o -name '*.png' -o -name '*.log' |
        tar cf - -T -) | tar xf - -C "$out/$name" || failed=$?
done
(cd "$out" && find . -mindepth 2 -type f | tar czf studies.tar.gz -T -)
find "$out" -mindepth 2 -name table.md -exec cat {} +
exit $failed
