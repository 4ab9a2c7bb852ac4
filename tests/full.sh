#!/bin/sh
# What takes too long for every change: both compilers, both makes, distcheck,
# valgrind, oclgrind, longer fuzzing, figures, benchmarks. Each stage prints ok or FAILED
# with its log; the last line counts them.
set -u
cd "$(dirname "$0")/.." || exit 1
sh examples/packages.sh --tests || exit 1
[ -x configure ] || autoreconf -fi || exit 1
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
top=$PWD
work=${DRIFT_FULL_DIR:-$top/build-full}
rm -rf "$work"
mkdir -p "$work"
passed=0
failed=0

run() { # run NAME COMMAND...
    name=$1
    shift
    if "$@" >"$work/$name.log" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $name"
    else
        failed=$((failed + 1))
        echo "FAILED  $name ($work/$name.log)"
        tail -n 20 "$work/$name.log"
    fi
}

# A fresh tree from the release tarball for each build.
[ -f Makefile ] || ./configure --quiet || exit 1
make -s dist || exit 1
tarball=$(ls -t drift-*.tar.xz | head -n 1)

tree() { # tree NAME: unpack into $work/NAME
    mkdir -p "$work/$1" &&
        xz -dc "$tarball" | (cd "$work/$1" && tar xf -) &&
        mv "$work/$1"/drift-*/* "$work/$1"/
}

build() { # build NAME MAKE CONFIGURE-ARGUMENTS...
    name=$1 make=$2
    shift 2
    tree "$name" && cd "$work/$name" && ./configure --quiet "$@" &&
        $make -s -j"$jobs" >build.log 2>&1
    status=$?
    cat build.log
    # No warning with either compiler. bmake and libtool talk, compilers warn.
    ! grep -E 'warning:' build.log && [ $status = 0 ]
}

check() { # check NAME MAKE
    cd "$work/$1" && $2 check VERBOSE=1
}

# Functions that change folder run in their own subshell.
built() { (build "$@"); }
checked() { (check "$@"); }

# Stages that are about something else do without OpenCL devices, as many
# machines do.
blind() {
    OCL_ICD_VENDORS=/nonexistent "$@"
}

run distcheck blind make distcheck
run gcc-build built gcc make CC=gcc 'CFLAGS=-g -O2'
run gcc-check checked gcc make
run clang-build built clang make CC=clang 'CFLAGS=-g -O2'
run clang-check checked clang make
run bmake-build built bmake bmake CC=gcc
run bmake-check blind checked bmake bmake
run bare-build built bare make --without-jpeg --without-gif \
    --without-cairo --without-msgpack --without-opencl --disable-openmp
run bare-check checked bare make
run clang-sanitize-build built clang-sanitize make CC=clang \
    'CFLAGS=-g -O1' --enable-sanitizers --disable-shared
run clang-sanitize-check checked clang-sanitize make
run floor blind sh -c "cd '$work/gcc' && sh tests/quality/floor.sh"
run valgrind blind sh tests/valgrind.sh "$work/gcc"
run oclgrind sh tests/oclgrind.sh "$work/gcc"
run fuzz sh tests/fuzz/long.sh "$work/fuzz" 30
run bench make bench

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
