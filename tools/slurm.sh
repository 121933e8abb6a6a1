#!/usr/bin/env bash
# What slurm_train.sh and slurm_test.sh share; they set TOOLS, PARTITION and JOB_NAME.
# shellcheck source=tools/usage.sh
source "$TOOLS/usage.sh"

# Become srun: signals reach it. A script and its arguments.
launch() {
    local gpus=${GPUS:-4}
    local per_node=${GPUS_PER_NODE:-$gpus}
    local more
    read -ra more <<<"${SRUN_ARGS:-}"
    # One for all processes: mmcv would let each look for a free one.
    export MASTER_PORT="${MASTER_PORT:-$((20000 + RANDOM % 10000))}"
    export PYTHONPATH="$TOOLS/..:${PYTHONPATH:-}"
    exec srun -p "$PARTITION" --job-name="$JOB_NAME" --gres="gpu:$per_node" \
        --ntasks="$gpus" --ntasks-per-node="$per_node" \
        --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 \
        ${more[@]+"${more[@]}"} python -u "$@" --launcher=slurm
}
