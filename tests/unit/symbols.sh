#!/bin/sh
# The shared library exports what drift.h declares, and nothing else.
set -u
library=
for file in .libs/libdrift.so .libs/libdrift.dylib; do
    [ -e "$file" ] && library=$file
done
if [ -z "$library" ]; then
    echo "no shared library in this build: skipped"
    exit 77
fi
case $library in
*.dylib) nm -gU "$library" | awk '{ print $NF }' | sed 's/^_//' ;;
*) nm -D "$library" | awk '$(NF - 1) ~ /^[A-TV-Z]$/ { print $NF }' ;;
esac | sed 's/@.*//' | sort -u >symbols.exported || exit 1
# Declared: a name right before the parameters of a prototype.
header=${srcdir:-.}/include/drift.h
sed -e 's|/\*[^*]*\*/||g' "$header" |
    awk '/\/\*/ { inside = 1 } !inside { print } /\*\// { inside = 0 }' |
    grep -v '^#' | grep -v typedef | tr '\n' ' ' |
    grep -o 'drift_[a-z0-9_]* *(' | tr -d ' (' | sort -u >symbols.declared
failed=0
if grep -v '^drift_' symbols.exported; then
    echo "^ exported, but not drift_*"
    failed=1
fi
if ! diff symbols.declared symbols.exported; then
    echo "^ < declared in drift.h only, > exported only"
    failed=1
fi
[ $failed = 0 ] && echo "$(wc -l <symbols.exported) symbols, all declared"
rm -f symbols.exported symbols.declared
exit $failed
