# The functions of drift.h, or of the SYNOPSIS of drift.3, one a line, as
# "drift_status drift_x(drift_context *ctx, int n)".
function tidy(s) {
    gsub(/[ \t\n]+/, " ", s)
    gsub(/ ?\* ?/, "*", s)
    gsub(/\( /, "(", s)
    gsub(/ \)/, ")", s)
    gsub(/ ,/, ",", s)
    sub(/^ /, "", s)
    return s
}
FILENAME ~ /\.h$/ && !/^#/ { text = text "\n" $0 }
/^\.Ft / { type = substr($0, 5); gsub(/"/, "", type) }
/^\.Fo / { name = $2; arguments = "" }
/^\.Fa / && name != "" {
    a = substr($0, 5)
    gsub(/"/, "", a)
    arguments = arguments (arguments == "" ? "" : ", ") a
}
/^\.Fc/ { print tidy(type " " name "(" arguments ")"); name = "" }
END {
    while ((i = index(text, "/*")) > 0) {
        rest = substr(text, i + 2)
        text = substr(text, 1, i - 1) substr(rest, index(rest, "*/") + 2)
    }
    gsub(/extern "C" \{/, "", text)
    gsub(/DRIFT_MUST_CHECK/, "", text)
    n = split(text, part, ";")
    for (i = 1; i <= n; i++)
        if (part[i] ~ /drift_[a-z0-9_]+\(/ && part[i] !~ /typedef/)
            print tidy(part[i])
}
