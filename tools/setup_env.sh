#!/bin/sh
# Find a Python that runs setup_env.py beside this file and hand over to it: your own
# python3 first. A name on the path is believed only if it runs: version managers leave
# stubs there. setup_env.py looks for another one where the stack needs it.
for name in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 \
    python3.8; do
    if "$name" -c 'import sys; sys.exit(not (3, 8) <= sys.version_info[:2] <= (3, 14))' \
        >/dev/null 2>&1; then
        exec "$name" "$(dirname "$0")/setup_env.py" "$@"
    fi
done
echo 'error: no Python 3.8 to 3.14 found (tried python3 and python3.14 down to' \
    'python3.8 on the path)' >&2
exit 2
