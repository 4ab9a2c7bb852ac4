#!/bin/sh
# All sets of reference values that the repository holds.
status=0
for set in jax torch torch/files; do
    tests/golden/golden-check "$srcdir/tests/golden/$set" || status=1
done
exit $status
