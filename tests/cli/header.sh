#!/bin/sh
# drift.h as others use it: alone, its example compiled and run against the
# library. What the library exports: tests/unit/symbols.sh.
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
finish
