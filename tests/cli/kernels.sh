#!/bin/sh
# Kernels that do not compile: the compiler's words, once, and exit 3.
. "${abs_top_srcdir:-.}/tests/cli/lib.sh"
needs_opencl

cp -R "$top/cl" cl && chmod -R u+w cl || exit 99
for file in cl/*.cl; do
    echo 'int broken = undeclared_name;' >>"$file"
done
XDG_CACHE_HOME=$work/cache
DRIFT_CACHE=on
DRIFT_CL_DIR=$work/cl
export XDG_CACHE_HOME DRIFT_CACHE DRIFT_CL_DIR
toy broken --device opencl
code_is 3
err_has "drift-train: building cl/"
err_has ".cl: CL_BUILD_PROGRAM_FAILURE (-11) on opencl:"
what="the compiler's log"
[ "$(grep -c undeclared_name err)" = 1 ] && pass || fail "not once"
# File and line, whatever stands around them: PoCL, others.
file=$(sed -n 's/^drift-train: building cl\/\([a-z_0-9]*\.cl\): .*/\1/p' err)
line=$(wc -l <"cl/$file" | tr -d ' ')
grep undeclared_name err | grep -q "cl/$file[:(, ]*$line[:), ]" && pass ||
    fail "no cl/$file:$line"
no_file cache/drift

DRIFT_CL_DIR=$work/nothing
toy broken --force --device opencl
code_is 1
err_has "DRIFT_CL_DIR: unable to open '$work/nothing/"

DRIFT_CACHE=sometimes
try "$info" --device opencl
code_is 2
err_is "drift-info: DRIFT_CACHE: 'sometimes' is not known; allowed: on, off"

finish
