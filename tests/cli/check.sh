#!/bin/sh
# Which device is taken, what it is held to when it is opened, and the device
# check, which holds it to the CPU op by op.
. "${abs_top_srcdir:-.}/tests/cli/lib.sh"
needs_opencl
faults=$build/tests/cli/drift-train-faults

# A copy of the kernels with one line of one file changed.
broken() { # broken FILE LINE INSTEAD
    rm -rf cl
    cp -R "$top/cl" cl && chmod -R u+w cl
    what="cl/$1 has: $2"
    if grep -qF "$2" "cl/$1"; then pass; else fail no; fi
    awk -v line="$2" -v instead="$3" 'index($0, line) { $0 = instead } 1' \
        "$top/cl/$1" >"cl/$1"
}
with() { # with NAME=VALUE... COMMAND...
    try env DRIFT_CL_DIR="$work/cl" "$@"
}
one='--threads 1 toy.yaml run.steps=1'

# A right device.
try "$train" --device check --out right $one
code_is 0
err_has "device check: opencl:"
err_has "drift-train: check: "
err_has "; worst: "
err_has " % of its limit"
try "$train" --device check:0 --out quiet --quiet $one
code_is 0
err_empty

# Kernels that are nearly right.
broken shared/activation.h 'return s * (1.0f + x * rest);' 'return s;'
with "$train" --device check --out slope $one
code_is 3
err_has "step 1 (the state before it is in 'slope/checkpoints/failed-000001"
err_has "activation_bwd: element "
err_has " of dx is "
err_has " (dx [32,16], dy [32,16], x [32,16])"
err_has "worst: activation_bwd operand dx (dx [32,16]"
is_file slope/checkpoints/failed-000001.safetensors

broken shared/activation.h 'return x / (1.0f + vexp(-x));' \
    'return 1.01f * x / (1.0f + vexp(-x));'
with "$train" --device check --out percent $one
code_is 3
err_has "activation_fwd: element "
with "$train" --device opencl --out unseen $one
code_is 0

# A norm that is wrong is not even opened.
broken layernorm.cl 'rstd[r] = scale;' 'rstd[r] = 1.001f * scale;'
for device in opencl check; do
    with "$train" --device $device --out norm $one
    code_is 3
    err_has "fails its self-test and is not to be trusted: element "
    err_has " of rstd of layernorm_fwd is "
    err_has " times what rounding explains"
    no_file norm
done

# What there is to choose from.
for device in nonsense opencl:99 check:nonsense; do
    try "$info" --device $device
    code_is 3
    err_has "0: "
done
try "$info" --device nonsense
err_has "there are auto, cpu, opencl[:N|:NAME], check[:N|:NAME]"

# auto: a GPU where there is one that can be trusted.
try env DRIFT_TEST_GPU=1 "$faults" --device auto --out gpu $one
code_is 0
err_has "device: opencl:0, the first GPU"
with DRIFT_TEST_GPU=1 "$faults" --device auto --out refused $one
code_is 0
err_has "warning: device: cpu, the GPU opencl:0 was refused: opencl:0: "
err_has " of layernorm_fwd is "
err_has "device cpu: "
try env DRIFT_TEST_GPU=0 "$faults" --device auto --out none $one
code_is 0
err_has "device: cpu, no OpenCL GPU was found"
finish
