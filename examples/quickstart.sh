#!/bin/sh
# From a fresh checkout to a picture of new digits: packages, build, training.
#   sh examples/quickstart.sh [--minutes M]     default: one minute
set -eu

minutes=1
while [ $# -gt 0 ]; do
    case $1 in
    --minutes)
        [ $# -ge 2 ] || { echo "quickstart.sh: --minutes needs a number" >&2
            exit 2; }
        minutes=$2
        shift 2 ;;
    --minutes=*) minutes=${1#*=}; shift ;;
    *)
        echo "usage: sh examples/quickstart.sh [--minutes M]" >&2
        exit 2 ;;
    esac
done
case $minutes in
*[!0-9.]* | "" | *.*.* | .)
    echo "quickstart.sh: --minutes: '$minutes' is not a number" >&2
    exit 2 ;;
*[1-9]*) ;;
*) # to the program 0 means without a limit
    echo "quickstart.sh: --minutes: '$minutes' is not more than 0" >&2
    exit 2 ;;
esac

cd "$(dirname "$0")/.."
echo "== packages" >&2
sh examples/packages.sh
echo "== build" >&2
[ -x configure ] || autoreconf -fi >/dev/null
[ -f Makefile ] || ./configure --quiet
make -s -j"$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)"

n=1
while [ -e "runs/quickstart-$n" ]; do n=$((n + 1)); done
run=runs/quickstart-$n
echo "== training for $minutes minute(s), run directory $run" >&2
mkdir -p runs
src/drift-train --out "$run" run.minutes="$minutes"
src/drift-sample --grid "$run/digits.png" --count 100 "$run"
echo "The picture: $run/digits.png (ten new digits of each class)"
more=$(awk -v m="$minutes" 'BEGIN { printf "%.12g", 5 * m }')
echo "On to the end of the preset: src/drift-train --resume $run run.minutes=$more"
