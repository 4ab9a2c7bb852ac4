#!/bin/sh
# The best figures that samples of digits can have, by their number: those of
# real test images beside the training images, as drift-figures(7) shows them;
# 8920: as many of each class as there are of the smallest.
#
#     tests/quality/floor.sh
#
# Exits 1 where a figure is another than the page's, or the kernel distance,
# which has no bias, is not nearly none.
set -u
LC_ALL=C
export LC_ALL
build=$(cd "${abs_top_builddir:-.}" && pwd)
page=$(cd "${abs_top_srcdir:-.}" && pwd)/man/drift-figures.7
work=$(mktemp -d "${TMPDIR:-/tmp}/drift-floor.XXXXXX") || exit 99
trap 'rm -rf "$work"' 0
XDG_CACHE_HOME=$work/cache
export XDG_CACHE_HOME
status=0

# Any model; its samples are not looked at here.
"$build"/src/drift-train --quiet --out "$work/run" mnist generator.hidden=4 \
    run.steps=1 >/dev/null || exit 1
for count in 1000 5000 8920 10000; do
    "$build"/src/drift-eval --quiet --count $count --json "$work/run" \
        >"$work/out" || exit 1
    found=$(sed -n '/"real"/,/"noise"/s/^ *"\([a-z_]*\)": \([^,]*\),*$/\1=\2/p' \
        "$work/out" | grep -v count=)
    wanted=$(sed -n "s/^\.It $count Ta \(.*\) Ta \(.*\) Ta \(.*\) Ta \(.*\) Ta \(.*\)\$/\1 \2 \3 \4 \5/p" "$page")
    echo "$found" | awk -F= -v count=$count -v wanted="$wanted" '
        { found[$1] = $2 }
        function off(v, w, by) { return v - w > by || w - v > by }
        END {
            n = split(wanted, w, " ")
            bad = n != 5 || found["kernel_deviation"] <= 0 ||
                off(found["distance"], w[1], .0006) ||
                off(found["precision"], w[2], .002) ||
                off(found["recall"], w[3], .002) ||
                off(found["density"], w[4], .002) ||
                off(found["coverage"], w[5], .002) ||
                found["kernel"] == "" || found["kernel"] == "null" ||
                off(found["kernel"], 0, .003)
            printf "%6d images: distance %.4f, kernel distance %.1e +- %.1e, " \
                "precision %.3f, recall %.3f, density %.3f, coverage %.3f  %s\n",
                count, found["distance"], found["kernel"],
                found["kernel_deviation"], found["precision"],
                found["recall"], found["density"], found["coverage"],
                bad ? "WRONG, not " wanted : "ok"
            exit bad
        }' || status=1
done
exit $status
