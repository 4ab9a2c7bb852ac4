#!/bin/sh
# drift.h as others use it: alone, its example compiled and run against the
# library, and nothing but drift_ exported.
. "${abs_top_srcdir:-.}/tests/cli/lib.sh"
: ${CC=cc} ${CFLAGS=}
: >err

# The example is what the opening comment indents after "Example".
sed -n '/^ \*\/$/q; s/^ \*     //p' "$top/include/drift.h" >example.c
try grep -c main example.c
code_is 0
# CC and CFLAGS are lists of words.
# shellcheck disable=SC2086
try $CC -std=c11 -Wall -Wextra -Wpedantic -Werror $CFLAGS -I"$top/include" \
    -c example.c
code_is 0
# shellcheck disable=SC2086
try "$build/libtool" --silent --tag=CC --mode=link $CC $CFLAGS -o example \
    example.o "$build/libdrift.la"
code_is 0
try ./example nowhere
code_is 1
err_is "unable to open 'nowhere': No such file or directory"
toy run
code_is 0
try ./example run
code_is 0
out_has "the first pixel: "

# Two includes in one file, and no header before it.
printf '#include <drift.h>\n#include <drift.h>\nint unused;\n' >alone.c
# shellcheck disable=SC2086
try $CC -std=c11 -Wall -Wextra -Wpedantic -Werror $CFLAGS -I"$top/include" \
    -c alone.c
code_is 0

library=$build/.libs/libdrift.so
if [ -f "$library" ] && command -v nm >/dev/null; then
    nm -D --defined-only "$library" | awk '{ print $NF }' |
        sed 's/@.*//' | sort >exported
    awk -f "$top/tests/cli/prototypes.awk" "$top/include/drift.h" |
        sed -n 's/.*\(drift_[a-z0-9_]*\)(.*/\1/p' | sort >public
    what="symbols of libdrift.so"
    # The linker adds names of its own, as _init.
    grep -v '^_' exported | diff - public >out && pass ||
        fail "exported (<) and public (>) differ"
fi
finish
