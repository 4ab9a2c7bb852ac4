#!/bin/sh
# Every op on a device that watches each access: none beyond a buffer, no data
# race, no use of what was never written. Small shapes, as interpreting a kernel
# takes a thousand times as long as running it.
#   sh tests/oclgrind.sh [BUILD-FOLDER [OP...]]
set -u
build=${1-.}
[ $# = 0 ] || shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Words of a command.
# shellcheck disable=SC2046
[ $# != 0 ] || set -- $("$build/tests/ops/test-ops" --list)
# It does not know all that the compiler makes of a kernel when it optimizes.
export OCLGRIND_BUILD_OPTIONS=-cl-opt-disable
passed=0
failed=0
for op; do
    # For these it names numbers that were written: CLBlast's, with what comes
    # out of them, and sums of two columns. NaN in all fresh memory, which
    # test-ops puts there, changes none of their results.
    case $op in
    gemm | linear_* | conv2d_* | groupnorm_fwd | resize_bilinear_bwd)
        OCLGRIND_UNINITIALIZED=0 ;;
    *) OCLGRIND_UNINITIALIZED=1 ;;
    esac
    export OCLGRIND_UNINITIALIZED
    : >"$work/found"
    # The status is no help: it is 0 whatever was found, and an abort where
    # CLBlast's programs are freed after oclgrind's own memory.
    timeout 300 oclgrind --data-races --log "$work/found" \
        "$build/tests/ops/test-ops" --device opencl --small "$op" \
        >"$work/out" 2>&1
    if grep -q "^ok $op:" "$work/out" && [ ! -s "$work/found" ]; then
        passed=$((passed + 1))
        grep "^ok $op:" "$work/out"
    else
        failed=$((failed + 1))
        echo "FAILED $op"
        tail -n 8 "$work/out"
        head -n 30 "$work/found"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
