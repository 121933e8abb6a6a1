# shellcheck shell=bash
# What gpu_check.sh, gpu_study.sh and gpu_train.sh share; they stand in the checkout.
# shellcheck source=tools/usage.sh
. tools/usage.sh

# Put this checkout on PYTHONPATH, and the wheels that the machine lacks. PYTHON, a folder
# of wheels or nothing, and a folder to unpack them in.
set_up_python() {
    export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
    if [ -n "$2" ]; then
        "$1" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir \
            --target "$3/site" "$2"/*.whl || exit 1
        PYTHONPATH="$3/site:$PYTHONPATH"
    fi
    # Waiting threads must not keep the cores of other processes busy.
    export GOMP_SPINCOUNT="${GOMP_SPINCOUNT:-1000}"
}

# The command that is at work. Told to end (Ctrl-C, SIGTERM), it may save first, and
# nothing is left on the card when the script has ended.
child=''
end_child() {
    if [ -n "$child" ]; then
        # Whatever they return, the script ends as it was told to.
        kill -TERM "$child" 2>/dev/null || true
        wait "$child" || true
    fi
    exit "$1"
}
trap 'end_child 130' INT
trap 'end_child 143' TERM

# Run a command and wait for it so that signals reach this script at once.
run_child() {
    local status=0
    "$@" &
    child=$!
    wait "$child" || status=$?
    child=''
    return "$status"
}

# Run a command for SECONDS at most, GRACE more to end; its output goes to FILE too.
run_limited() {
    local seconds=$1 grace=$2 file=$3 status=0 copy
    shift 3
    exec 3> >(tee "$file")
    copy=$!
    run_child timeout --signal=TERM --kill-after="$grace" "$seconds" "$@" >&3 2>&1 3>&- ||
        status=$?
    exec 3>&-
    wait "$copy"
    return "$status"
}
