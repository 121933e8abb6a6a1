#!/bin/sh
# Find a supported Python and hand over to setup_env.py beside this file.
# A name on the path is believed only if it runs: version managers leave stubs there.
for name in python3.11 python3.10 python3.9 python3.8 python3; do
    if "$name" -c 'import sys; sys.exit(not (3, 8) <= sys.version_info[:2] <= (3, 11))' \
        >/dev/null 2>&1; then
        exec "$name" "$(dirname "$0")/setup_env.py" "$@"
    fi
done
echo 'error: no Python 3.8 to 3.11 found (tried python3.11, python3.10, python3.9,' \
    'python3.8 and python3 on the path)' >&2
exit 2
