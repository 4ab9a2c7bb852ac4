#!/bin/sh
# Every op on a device that watches each access: none beyond a buffer, no data
# race. Small shapes, as interpreting a kernel takes a thousand times as long as
# running it. That nothing is used before it is written is test-ops' own check,
# on every device: see "oclgrind's unwritten numbers" in src/DECISIONS.md.
#   sh tests/oclgrind.sh [BUILD-FOLDER [OP...]]
set -u
test=${1-.}/tests/ops/test-ops
[ $# = 0 ] || shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Words of a command.
# shellcheck disable=SC2046
[ $# != 0 ] || set -- $("$test" --list)
# It does not know all that the compiler makes of a kernel when it optimizes.
export OCLGRIND_BUILD_OPTIONS=-cl-opt-disable DRIFT_CACHE=off
# All in one process, as opening the device takes it long. The status is no
# help: it is 0 whatever was found, and an abort where CLBlast's programs are
# freed after oclgrind's own memory.
: >"$work/found"
timeout 1800 oclgrind --data-races --log "$work/found" \
    "$test" --device opencl --small "$@" >"$work/out" 2>&1
grep -E '^(ok|FAIL)' "$work/out"
passed=$(grep -c '^ok' "$work/out")
failed=$(($# - passed))
[ "$failed" = 0 ] || tail -n 8 "$work/out"
if [ -s "$work/found" ]; then
    failed=$((failed + 1))
    head -n 60 "$work/found"
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
