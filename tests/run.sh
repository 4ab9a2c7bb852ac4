#!/bin/sh
# The tests: packages, build, `make check`, then the same tests with the
# sanitizers in a tree unpacked from a release tarball. The last line counts
# the test programs: N passed, N failed. Logs stay where the lines say.
#   sh tests/run.sh [--no-sanitizers]
set -u

sanitize=yes
case ${1-} in
--no-sanitizers) sanitize=no ;;
"") ;;
*) echo "usage: sh tests/run.sh [--no-sanitizers]" >&2; exit 2 ;;
esac

cd "$(dirname "$0")/.." || exit 1
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
passed=0
failed=0

finish() {
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ] && [ "$passed" != 0 ]
    exit
}

# stage NAME COMMAND...: a step that must work for the next ones to make sense.
stage() {
    name=$1
    shift
    echo "== $name"
    if ! "$@"; then
        echo "tests/run.sh: $name failed" >&2
        failed=$((failed + 1))
        finish
    fi
}

# Add up the closing counts of an automake test run; show what failed.
count() {
    p=$(sed -n 's/^# PASS: *//p' "$1" | tail -n 1)
    f=$(sed -n 's/^# FAIL: *//p' "$1" | tail -n 1)
    e=$(sed -n 's/^# ERROR: *//p' "$1" | tail -n 1)
    [ -n "$p" ] || e=1
    s=0
    [ "$DRIFT_REQUIRE_OPENCL" != 1 ] ||
        s=$(grep -cE '^SKIP: .*(opencl|faults)' "$1")
    passed=$((passed + ${p:-0}))
    failed=$((failed + ${f:-0} + ${e:-0} + s))
}

check() { # check NAME DIRECTORY
    echo "== make check ($1)"
    log=$2/check-$1.log
    (cd "$2" && VERBOSE=1 make -k check) >"$log" 2>&1
    grep -E '^(PASS|FAIL|SKIP|XFAIL|ERROR): ' "$log"
    count "$log"
    if grep -qE '^(FAIL|ERROR): ' "$log" || ! grep -q '^# PASS' "$log"; then
        tail -n 300 "$log"
    fi
    echo "log: $log"
}

stage packages sh examples/packages.sh --tests
[ -x configure ] || stage autoreconf autoreconf -fi
[ -f Makefile ] || stage configure ./configure --quiet
# The packages bring a device where there is OpenCL at all: a test that finds
# none fails, unless DRIFT_REQUIRE_OPENCL=0 lets it be skipped.
there=0
grep -q 'define HAVE_OPENCL 1' config.h && there=1
DRIFT_REQUIRE_OPENCL=${DRIFT_REQUIRE_OPENCL-$there}
export DRIFT_REQUIRE_OPENCL
stage build make -s -j"$jobs"
check plain .

if [ $sanitize = yes ]; then
    # Its own tree, so that it works beside a build in place; from `make
    # distdir`, so that a file missing in the release tarball shows here.
    rm -rf build-sanitize
    stage distdir make -s distdir distdir=build-sanitize
    stage "configure with sanitizers" sh -c \
        'cd build-sanitize && ./configure --quiet --enable-sanitizers \
            --disable-shared CFLAGS="-g -O1"'
    stage "build with sanitizers" make -s -C build-sanitize -j"$jobs"
    ASAN_OPTIONS=detect_leaks=1
    export ASAN_OPTIONS
    check sanitize build-sanitize
fi
finish
