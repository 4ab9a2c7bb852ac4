#!/bin/sh
# The toys against their data, and what an unbalanced field does to them:
#
#     tests/quality/toys.sh [--out DIR] [SEED...]     (1 2 3)
#     tests/quality/toys.sh --short                   (make check, seconds)
#
# Trains the toy presets and prints the energy distance of samples to fresh data,
# that of data to data, and their ratio (drift-eval).
# Ablations multiply the attraction or the repulsion by 1.5. Exits 1 where a
# balanced run is not as near as it should be, or an ablation does no harm.
# With --out the runs and their pictures stay.
set -u
build=${abs_top_builddir:-.}
build=$(cd "$build" && pwd)
count=10000 near=2 far=4 short= out= threads=0 status=0
while [ $# -gt 0 ]; do
    case $1 in
    --short) short=yes ;;
    --out) out=$2 && shift ;;
    *) break ;;
    esac
    shift
done
work=$out
if [ -z "$out" ]; then
    work=$(mktemp -d "${TMPDIR:-/tmp}/drift-toys.XXXXXX") || exit 99
    trap 'rm -rf "$work"' 0
fi
mkdir -p "$work" || exit 1

# toy NEAR|FAR PRESET SEED [KEY=VALUE...]: one line; $ratio.
toy() {
    want=$1 preset=$2 seed=$3
    shift 3
    name=$preset${1:+-${1#drift.}}
    run=$work/$name-$seed
    "$build"/src/drift-train "toy-$preset" --quiet --force --seed "$seed" \
        --out "$run" --threads $threads "$@" $keys >/dev/null &&
        "$build"/src/drift-eval --quiet --threads $threads --count $count \
            --json "$run" >"$run.json" || exit 1
    seconds=$(sed -n '$s/.*"seconds":\([0-9]*\).*/\1/p' "$run/metrics.jsonl")
    # Of samples, real points and noise, in this order.
    energies=$(sed -n 's/^ *"energy": \([^,]*\),*$/\1/p' "$run.json")
    set -- $energies
    ratio=$(awk -v made="$1" -v real="$2" 'BEGIN { printf "%.2f", made / real }')
    word=$(awk -v ratio="$ratio" -v want="$want" -v near=$near -v far=$far '
        BEGIN {
            if (want == "NEAR")
                print (ratio <= near ? "near" : "NOT NEAR")
            else
                print (ratio > far ? "fails, as it should" : "DOES NOT FAIL")
        }' </dev/null)
    case $word in
    NOT* | DOES*) status=1 ;;
    esac
    printf '%-32s %4s %7s  %-11.6g  %-11.6g %8s  %s\n' "$name" "$seed" \
        "$seconds" "$1" "$2" "$ratio" "$word"
}

printf '%-32s %4s %7s  %-11s  %-11s %8s\n' run seed seconds \
    "to data" "data-data" ratio
keys=
if [ "$short" ]; then
    # A wide kernel, a small net and a fast rate: not so near, but soon, and an
    # unbalanced field shows at once (about 8 against 98 and 62).
    keys="drift.generated=256 drift.positives=256 drift.temperatures=[0.4]
        generator.hidden=64 optimizer.lr=3e-3 optimizer.ema=[0.98]
        run.steps=400 run.preview_every=0 run.save_every=0"
    count=4000 near=20 far=40 threads=1
    toy NEAR moons 1
    toy FAR moons 1 drift.attraction=1.5
    toy FAR moons 1 drift.repulsion=1.5
    exit $status
fi
for seed in ${*:-1 2 3}; do
    for preset in moons swissroll checkerboard; do
        toy NEAR $preset "$seed"
    done
    toy FAR swissroll "$seed" drift.attraction=1.5
    toy FAR swissroll "$seed" drift.repulsion=1.5
done
exit $status
