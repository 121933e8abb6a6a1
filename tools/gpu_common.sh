# shellcheck shell=sh
# What gpu_check.sh, gpu_study.sh and gpu_train.sh share; they stand in the checkout.

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
