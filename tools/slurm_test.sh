#!/usr/bin/env bash
# Arguments: PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of tools/test.py ...]
# In the environment: GPUS (4), GPUS_PER_NODE (GPUS), CPUS_PER_TASK (5),
# SRUN_ARGS.
set -euo pipefail
TOOLS=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tools/slurm.sh
source "$TOOLS/slurm.sh"
expect 4 "$@"
PARTITION=$1
JOB_NAME=$2
shift 2
launch "$TOOLS/test.py" "$@"
