#!/usr/bin/env bash
# Arguments: CONFIG NUMBER_OF_PROCESSES [arguments of tools/train.py ...]
# A process a GPU; without GPUs, processes that share the cores (gloo).
# In the environment: RESTARTS=N starts all processes again when one dies, up to N
# times (with --auto-resume they go on). Several machines: NNODES, MASTER_ADDR,
# PORT.
set -euo pipefail
TOOLS=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tools/dist.sh
source "$TOOLS/dist.sh"
expect 2 "$@"
CONFIG=$1
PROCESSES=$2
shift 2
launch "$TOOLS/train.py" "$CONFIG" --launcher pytorch "$@"
