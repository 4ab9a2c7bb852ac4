# Kernel files as C: an array of one string a source line for each, then the
# table. Inclusions of each other go: program.c puts the shared parts first.
function escaped(s) { gsub(/[\\"]/, "\\\\&", s); return s }
BEGIN { print "/* Made from cl/ by src/ocl/embed.awk. */\n#include \"ocl/ocl.h\"" }
FNR == 1 {
    if (count) print "    NULL};"
    name = FILENAME
    sub(/^.*cl\//, "", name)
    names[++count] = name
    print "static const char *const source_" count "[] = {"
}
/^#include "/ { $0 = "" }
{ print "    \"" escaped($0) "\\n\"," }
END {
    print "    NULL};\nconst ocl_source ocl_sources[] = {"
    for (i = 1; i <= count; i++)
        print "    {\"" names[i] "\", source_" i "},"
    print "    {NULL, NULL}};"
}
