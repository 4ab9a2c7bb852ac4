#!/bin/sh
# Every op on a device that watches each access: no access beyond a buffer, no
# data race, no read of what was never written. Small shapes, as interpreting a
# kernel takes a thousand times as long as running it.
#   sh tests/oclgrind.sh [BUILD-FOLDER [OP...]]
set -u
build=${1-.}
[ $# = 0 ] || shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Kept here so that a program beside it does not get in the way.
export OCLGRIND_UNINITIALIZED=1
[ $# != 0 ] || set -- $("$build/tests/ops/test-ops" --list)
passed=0
failed=0
for op; do
    # It ends with 0 whatever it finds, so its words are looked for.
    if oclgrind --data-races --log "$work/found" \
        "$build/tests/ops/test-ops" --device opencl --small "$op" \
        >"$work/out" 2>&1 && [ ! -s "$work/found" ]; then
        passed=$((passed + 1))
        echo "ok      $op"
    else
        failed=$((failed + 1))
        echo "FAILED  $op"
        tail -n 20 "$work/out"
        head -n 40 "$work/found"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
