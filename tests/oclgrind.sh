#!/bin/sh
# Every op on a device that watches each access: none beyond a buffer, no data
# race, no use of what was never written. Small shapes, as interpreting a kernel
# takes a thousand times as long as running it.
#   sh tests/oclgrind.sh [BUILD-FOLDER [OP...]]
set -u
test=${1-.}/tests/ops/test-ops
[ $# = 0 ] || shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Words of a command.
# shellcheck disable=SC2046
[ $# != 0 ] || set -- $("$test" --list)
# Opening the device uses up some of what it reports at most.
export OCLGRIND_MAX_ERRORS=1000000
# It does not know all that the compiler makes of a kernel when it optimizes.
export OCLGRIND_BUILD_OPTIONS=-cl-opt-disable DRIFT_CACHE=off
passed=0
failed=0

grind() { # grind UNINITIALIZED OP...
    export OCLGRIND_UNINITIALIZED="$1"
    shift
    [ $# != 0 ] || return
    : >"$work/found"
    # The status is no help: it is 0 whatever was found, and an abort where
    # CLBlast's programs are freed after oclgrind's own memory.
    timeout 1800 oclgrind --data-races --log "$work/found" \
        "$test" --device opencl --small "$@" >"$work/out" 2>&1
    grep -E '^(ok|FAIL)' "$work/out"
    ok=$(grep -c '^ok' "$work/out")
    passed=$((passed + ok))
    failed=$((failed + $# - ok))
    [ "$ok" = $# ] || tail -n 8 "$work/out"
    if [ -s "$work/found" ]; then
        failed=$((failed + 1))
        tr -d '\000' <"$work/found" | head -n 60
    fi
}

watched=
rest=
for op; do
    # Of these it calls numbers unwritten that were written: CLBlast's, with
    # what comes out of them, and sums of two columns. NaN in all fresh memory,
    # which test-ops puts there elsewhere, changes none of their results.
    case $op in
    gemm | linear_* | conv2d_* | groupnorm_fwd | resize_bilinear_bwd)
        rest="$rest $op" ;;
    *) watched="$watched $op" ;;
    esac
done
# shellcheck disable=SC2086
grind 1 $watched
# shellcheck disable=SC2086
grind 0 $rest
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
