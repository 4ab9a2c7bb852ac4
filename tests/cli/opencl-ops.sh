#!/bin/sh
# Every op, and the reference values of others, on every OpenCL device of this
# machine that is fit (those of tests/ops and tests/golden, which the CPU runs
# without this). With the sanitizers, which slow the compiler of a CPU driver
# down, too: a subset.
. "${abs_top_srcdir:-.}/tests/cli/lib.sh"
needs_opencl
ops=
golden="jax torch"
case ${CFLAGS-} in
*-fsanitize=*)
    ops="add_fwd add_bwd linear_bwd attention_bwd layernorm_bwd reduce index"
    golden=jax
    ;;
esac

"$info" --devices --json | awk '
    /"name":/ { n++ }
    /"usable": true/ { print "opencl:" n - 1 }' >devices
what="drift-info --devices"
[ -s devices ] && pass || fail "no fit device, and yet one was opened"

while read -r device; do
    # Words of a command.
    # shellcheck disable=SC2086
    try "$build/tests/ops/test-ops" --device "$device" $ops
    code_is 0
    out_has "device: $device: "
    tail -n 1 out
    # Work is cut in another way for GPUs: the same ops on the same device,
    # taken for one.
    # shellcheck disable=SC2086
    try env DRIFT_TEST_GPU=1 "$build/tests/ops/test-ops" --device "$device" $ops
    code_is 0
    tail -n 1 out
    for set in $golden; do
        try "$build/tests/golden/golden-check" --device "$device" \
            "$top/tests/golden/$set"
        code_is 0
        tail -n 1 out
    done
done <devices
finish
