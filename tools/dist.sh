#!/usr/bin/env bash
# What dist_train.sh and dist_test.sh share; they set TOOLS and PROCESSES.
# shellcheck source=tools/usage.sh
source "$TOOLS/usage.sh"

# Become torchrun: signals reach it. A script and its arguments.
launch() {
    [[ $PROCESSES =~ ^[1-9][0-9]*$ ]] || {
        echo "error: $PROCESSES: expected a number of processes" >&2 && exit 2
    }
    local meeting=(--standalone)
    if [ "${NNODES:-1}" != 1 ]; then
        meeting=(
            --nnodes="$NNODES" --rdzv-backend=c10d --rdzv-id=hacdr
            --rdzv-endpoint="${MASTER_ADDR:?of one of the machines}:${PORT:-29500}"
        )
    fi
    local threads=$(($(nproc) / PROCESSES))
    export OMP_NUM_THREADS="${OMP_NUM_THREADS:-$((threads > 0 ? threads : 1))}"
    export PYTHONPATH="$TOOLS/..:${PYTHONPATH:-}"
    exec python "$TOOLS/launch.py" "${meeting[@]}" \
        --nproc-per-node="$PROCESSES" --max-restarts="${RESTARTS:-0}" "$@"
}
