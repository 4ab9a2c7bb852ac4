#!/bin/sh
# A short training run and a sample under valgrind: no invalid access, no
# uninitialised value, nothing definitely lost.
#   sh tests/valgrind.sh [BUILD-FOLDER]
set -eu
build=${1-.}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# valgrind knows no AVX-512, and BLIS asks the processor itself.
export BLIS_ARCH_TYPE="${BLIS_ARCH_TYPE-}" OMP_NUM_THREADS=2
[ -n "$BLIS_ARCH_TYPE" ] || unset BLIS_ARCH_TYPE
grind="$build/libtool --mode=execute valgrind -q --error-exitcode=9
    --leak-check=full --errors-for-leak-kinds=definite
    --suppressions=$(dirname "$0")/valgrind.supp"
$grind "$build/src/drift-train" --threads 2 --out "$work/run" toy-moons \
    run.steps=3 drift.generated=64 drift.positives=64
$grind "$build/src/drift-sample" --threads 2 --count 16 \
    --npz "$work/points.npz" "$work/run"
echo "valgrind: clean"
