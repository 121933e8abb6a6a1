#!/usr/bin/env bash
# Arguments: PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of tools/test.py ...]
# In the environment: GPUS (4), GPUS_PER_NODE (GPUS), CPUS_PER_TASK (5), SRUN_ARGS.
set -euo pipefail
PARTITION=$1
JOB_NAME=$2
shift 2
GPUS=${GPUS:-4}
TOOLS=$(cd "$(dirname "$0")" && pwd)
read -ra MORE <<<"${SRUN_ARGS:-}"
# One for all processes: mmcv would let each look for a free one.
export MASTER_PORT="${MASTER_PORT:-$((20000 + RANDOM % 10000))}"
export PYTHONPATH="$TOOLS/..:${PYTHONPATH:-}"
exec srun -p "$PARTITION" --job-name="$JOB_NAME" \
    --gres="gpu:${GPUS_PER_NODE:-$GPUS}" --ntasks="$GPUS" \
    --ntasks-per-node="${GPUS_PER_NODE:-$GPUS}" \
    --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 ${MORE[@]+"${MORE[@]}"} \
    python -u "$TOOLS/test.py" "$@" --launcher=slurm
