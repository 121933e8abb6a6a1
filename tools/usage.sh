# shellcheck shell=bash
# What the other scripts here tell of themselves.

# Print the comment that the script begins with.
show_usage() {
    sed -n '2,/^[^#]/ { s/^# \{0,1\}//p; }' "$0"
}

# COUNT ARGUMENTS...: where they are fewer, or ask for it, show how the script is used.
expect() {
    case ${2:-} in -h | --help) show_usage && exit ;; esac
    [ $# -gt "$1" ] || { show_usage >&2 && exit 2; }
}
