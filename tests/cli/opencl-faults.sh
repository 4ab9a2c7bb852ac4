#!/bin/sh
# Machines without OpenCL, or with a broken one, as a user sees them: drivers
# that are not there, devices that are not there, kernels that do not compile,
# a device that gives out in the middle of a run.
. "${abs_top_srcdir:-.}/tests/cli/lib.sh"
needs_opencl

# -- drivers that are not there -------------------------------------------
# The loaders read this folder alone where the variable names one.
mkdir none lost
echo /nowhere/libdriver.so >lost/driver.icd
for vendors in none lost; do
    OCL_ICD_VENDORS=$work/$vendors/
    export OCL_ICD_VENDORS
    try "$info" --devices
    if grep -q '^opencl:0' out; then
        echo "this loader does not obey OCL_ICD_VENDORS: not tested"
        break
    fi
    code_is 0
    err_empty
    out_has "cpu  "
    out_has "opencl         none: no driver is installed; see drift-gpu(7)"
    try "$info" --devices --json
    code_is 0
    out_has '"opencl": []'
    try "$info" --device opencl
    code_is 3
    out_empty
    err_has "there is no OpenCL device: install a driver, as pocl-opencl-icd"
    toy run-$vendors --device auto
    code_is 0
    is_file run-$vendors/checkpoints/latest.safetensors
    try "$train" --device opencl:0 --out run-x ./toy.yaml
    code_is 3
    no_file run-x
done
unset OCL_ICD_VENDORS

# -- devices that are not there -------------------------------------------
first=$("$info" --devices | sed -n 's/^  name  *//p' | head -n 1)
for device in opencl:99 opencl:nosuch opencl:-1 opencl:0x; do
    try "$info" --device $device
    code_is 3
    err_has "there is no OpenCL device '${device#opencl:}'; devices: 0: $first"
done

# -- kernels that do not compile ------------------------------------------
cp -R "$top/cl" cl
chmod -R u+w cl
echo '#error this line is wrong' >>cl/adamw.cl
DRIFT_CL_DIR=$work/cl
export DRIFT_CL_DIR
toy run-build --device opencl:0
unset DRIFT_CL_DIR
code_is 3
err_has "cl/adamw.cl"
err_has "this line is wrong"

# -- a device that gives out ----------------------------------------------
faulty=$build/tests/cli/drift-train-faults
failing() { # failing DIR FAULT
    DRIFT_TEST_FAULT=$2
    export DRIFT_TEST_FAULT
    try "$faulty" --quiet --device opencl:0 --threads 1 --out "$1" ./toy.yaml
    unset DRIFT_TEST_FAULT
    what="$what ($2)"
}

failing whole "clCreateBuffer 100000 -4"
code_is 0
err_has "shim: 0 objects left, fault never came"

# The first buffers are those of the device's self-test, before there is a run.
failing early "clCreateBuffer 2 -4 gone"
code_is 1
err_has "CL_MEM_OBJECT_ALLOCATION_FAILURE (-4) on opencl:0: "
err_has "shim: 0 objects left, fault came"
no_file early

# How many are taken before the first step is the self-test's affair, too.
for n in 60 90 120 150 180 210 240; do
    rm -rf memory
    failing memory "clCreateBuffer $n -4 gone"
    grep -q 'step 1 (the state' err && break
done
code_is 1
err_has "drift-train: step 1 (the state before it is in\
 'memory/checkpoints/failed-000001.safetensors'): "
err_has "tensor ["
err_has "shim: 0 objects left, fault came"
try "$info" memory/checkpoints/failed-000001.safetensors
code_is 0

# A lost device takes what it held along.
failing lost-run "clEnqueueNDRangeKernel 600 -5 lost"
code_is 3
err_has "(the state before it could not be saved; the last checkpoint is of"
err_has "CL_OUT_OF_RESOURCES (-5) on opencl:0: "
err_has "shim: 0 objects left, fault came"
is_file lost-run/checkpoints/latest.safetensors
try "$train" --quiet --resume lost-run
code_is 0
finish
