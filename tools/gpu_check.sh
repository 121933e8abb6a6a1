#!/usr/bin/env bash
# On a machine with a GPU: the tests marked gpu, every kernel's contract, and the
# benchmark, in less than four minutes; a table last. Needs no data.
#
#   tools/gpu_check.sh [--only tests|benchmark] [--wheels DIR] [--out DIR]
#                      [--device cpu]
#
# --wheels: folder of wheels that the machine lacks (make wheels), put on
#   PYTHONPATH for this run. --out: where logs go. --device cpu: a dry run of this
#   script, as without a GPU. PYTHON: the Python to use; WHEELS, OUT: defaults of
#   the options.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
python=${PYTHON:-python3}
only='' wheels=${WHEELS:-} out=${OUT:-work_dirs/gpu_check} device=''
# shellcheck source=tools/gpu_common.sh
. tools/gpu_common.sh
while [ $# -gt 0 ]; do
    case $1 in -h | --help) show_usage && exit ;; esac
    [ $# -gt 1 ] || { echo "error: $1: expected a value" >&2 && exit 2; }
    case $1 in
    --only) only=$2 ;;
    --wheels) wheels=$2 ;;
    --out) out=$2 ;;
    --device) device=$2 ;;
    *) echo "error: $1: unknown option" >&2 && exit 2 ;;
    esac
    shift 2
done
case $only in '' | tests | benchmark) ;; *)
    echo "error: --only $only: expected tests or benchmark" >&2 && exit 2 ;;
esac
case $device in '' | cpu | cuda) ;; *)
    echo "error: --device $device: expected cuda or cpu" >&2 && exit 2 ;;
esac
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$out"
set_up_python "$python" "$wheels" "$scratch"

facts=$("$python" - <<'EOF'
import torch
found = torch.cuda.is_available()
print('cuda' if found else 'cpu')
print(torch.cuda.get_device_name() if found else 'no GPU')
print(torch.__version__, f'(CUDA {torch.version.cuda})')
EOF
) || exit 1
{ read -r found && read -r card && read -r torch; } <<<"$facts"
driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null) ||
    driver='none'
device=${device:-$found}
if [ "$device" = cuda ] && [ "$found" = cpu ]; then
    echo 'error: --device cuda: torch finds no GPU' >&2 && exit 1
fi
# Seconds for each part; a dry run may take its time.
if [ "$device" = cpu ]; then
    tests=900 benchmark=900
elif [ -n "$only" ]; then
    tests=225 benchmark=225
else
    tests=120 benchmark=110
fi
has() {
    "$python" -c "import importlib.util as u, sys; sys.exit(u.find_spec('$1') is None)"
}

rows=()
failed=0
# NAME SECONDS COMMAND...: run it with a limit, log to NAME.log, remember how it went.
part() {
    local name=$1 limit=$2 began=$SECONDS status=0 told
    shift 2
    run_limited "$limit" 5 "$out/$name.log" "$@" || status=$?
    told=$(grep -E '[0-9]+ (passed|failed|skipped|error)' "$out/$name.log" | tail -n 1)
    case $status in
    0) told=${told:-done} ;;
    124 | 137) told="stopped after $limit s" ;;
    *) told="FAILED ($status) $told" ;;
    esac
    [ "$status" = 0 ] || failed=1
    told=${told//=/}
    rows+=("$(printf '%-10s %5d s  %s' "$name" $((SECONDS - began)) "$told")")
}

if [ "$only" != benchmark ]; then
    options=(-q -rfE --disable-warnings -p no:cacheprovider --durations=10)
    # Tests wait for compilers most of the time, hardly for the GPU.
    has xdist && [ "$(nproc)" -ge 8 ] && options+=(-n 8 --dist worksteal)
    has pytest_timeout && options+=(--timeout 100)
    if [ "$device" = cuda ]; then
        options+=(-m gpu tests/test_ops tests/test_devices tests/test_gpu)
    else
        options+=(-m 'not gpu' tests/test_devices/test_precisions.py -k prediction)
    fi
    OMP_NUM_THREADS=1 part tests $tests "$python" -m pytest "${options[@]}"
fi
if [ "$only" != tests ]; then
    options=(--device "$device")
    if [ "$device" = cpu ]; then options+=(--dry-run); fi
    if [ -z "$only" ]; then options+=(--quick); fi
    part benchmark $benchmark "$python" tools/benchmark.py "${options[@]}" \
        --json "$out/benchmark.json"
fi

{
    echo
    printf '%-10s %s\n' card "$card" driver "$driver" torch "$torch" device "$device"
    printf '%s\n' "${rows[@]}"
} | tee "$out/table.txt"
exit $failed
