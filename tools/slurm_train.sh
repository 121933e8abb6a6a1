#!/usr/bin/env bash
# Arguments: PARTITION JOB_NAME CONFIG [arguments of tools/train.py ...]
set -euo pipefail
PARTITION=$1
JOB_NAME=$2
shift 2
GPUS=${GPUS:-4}
PYTHONPATH="$(dirname "$0")/..:${PYTHONPATH:-}" \
    srun -p "$PARTITION" --job-name="$JOB_NAME" --gres="gpu:${GPUS_PER_NODE:-$GPUS}" \
    --ntasks="$GPUS" --ntasks-per-node="${GPUS_PER_NODE:-$GPUS}" \
    --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    python -u "$(dirname "$0")/train.py" "$@" --launcher=slurm
