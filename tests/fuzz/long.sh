#!/bin/sh
# Every reader under libFuzzer.
#   sh tests/fuzz/long.sh FOLDER [SECONDS]
# Builds the fuzzers in FOLDER (made when absent) with clang and runs each for
# SECONDS (60). What crashes a reader stays there as crash-*.
set -eu
[ $# -ge 1 ] || { echo "usage: sh tests/fuzz/long.sh FOLDER [SECONDS]" >&2
    exit 2; }
source=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
cd "$1"
seconds=${2-60}
if [ ! -f Makefile ]; then
    # A tree that is configured in place cannot be built elsewhere: use a copy.
    (cd "$source" && make -s distdir distdir=fuzz-source)
    rm -rf source
    mv "$source/fuzz-source" source
    source/configure --quiet CC=clang CFLAGS='-g -O1' --enable-fuzzers \
        --disable-shared
fi
make -s -j"$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)" fuzzers
for fuzzer in tests/fuzz/fuzz-*; do
    [ -x "$fuzzer" ] || continue
    name=${fuzzer##*/fuzz-}
    mkdir -p "new/$name"
    echo "== $name"
    "$fuzzer" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 \
        -print_final_stats=1 "new/$name" "source/tests/fuzz/corpus/$name" \
        2>"$name.log" || { tail -n 30 "$name.log"; exit 1; }
    grep -E 'stat::number_of_executed_units' "$name.log" || :
done
echo "fuzz: no fault found"
