#!/usr/bin/env bash
# Arguments: CONFIG CHECKPOINT NUMBER_OF_PROCESSES [arguments of tools/test.py ...]
# Processes and environment as in dist_train.sh.
set -euo pipefail
TOOLS=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tools/dist.sh
source "$TOOLS/dist.sh"
expect 3 "$@"
CONFIG=$1
CHECKPOINT=$2
PROCESSES=$3
shift 3
launch "$TOOLS/test.py" "$CONFIG" "$CHECKPOINT" --launcher pytorch "$@"
