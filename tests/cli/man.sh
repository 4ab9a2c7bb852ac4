#!/bin/sh
# The manual pages against the programs: options, keys, functions, mandoc.
. "${abs_top_srcdir:-.}/tests/cli/lib.sh"
: >err

for tool in convert train encoder sample info eval; do
    what="drift-$tool(1)"
    "$build/src/drift-$tool" --help |
        sed -n 's/^  --\([a-z-]*\) *\([A-Za-z.]*\)  .*/\1 \2/p' |
        tr 'A-Z' 'a-z' | sed 's/ $//' >wanted
    sed -n 's/^\.It Fl -\([a-z-]*\)/\1/p' "$top/man/drift-$tool.1" |
        sed 's/ Ar / /' >found
    diff wanted found >out && [ -s wanted ] && pass ||
        fail "options of --help (<) and of the page (>) differ"
done

what="drift.yaml(5)"
# Those of both tools, in the order of the table.
"$train" --list-keys >keys
"$encoder" --list-keys >own
{
    sed '/^features\./,$d' keys
    sed -n '/^encoder\./,/^optimizer\./p' own | sed '$d'
    sed -n '/^features\./,$p' keys
} | awk -f "$top/tests/cli/keys.awk" >wanted
sed '1,/^\.\\" This part is compared/d; /^\.\\" End of the part/,$d' \
    "$top/man/drift.yaml.5" >found
diff wanted found >out && [ -s wanted ] && pass ||
    fail "keys of --list-keys (<) and of the page (>) differ"

what="drift(3)"
awk -f "$top/tests/cli/prototypes.awk" "$top/include/drift.h" | sort >wanted
awk -f "$top/tests/cli/prototypes.awk" "$top/man/drift.3" | sort >found
diff wanted found >out && [ -s wanted ] && pass ||
    fail "functions of drift.h (<) and of the page (>) differ"
sed -n 's/.*\(drift_[a-z0-9_]*\)(.*/\1/p' wanted | sort >names
sed -n 's/^\.Nm \(drift_[a-z0-9_]*\).*/\1/p' "$top/man/drift.3" | sort >found
diff names found >out && pass ||
    fail "functions (<) and the NAME section (>) differ"

# Whether the other pages are installed is no matter of style.
if command -v mandoc >/dev/null; then
    for page in "$top"/man/*.[1-9]; do
        what="mandoc -T lint $page"
        mandoc -T lint "$page" | grep -v 'referenced manual not found' >out
        [ -s out ] && fail "not clean" || pass
    done
fi
finish
