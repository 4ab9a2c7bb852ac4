# drift-train --list-keys to the list of keys in man/drift.yaml.5.
function wrap(text,    n, words, i, line) {
    n = split(text, words, " ")
    line = words[1]
    for (i = 2; i <= n; i++) {
        if (length(line) + 1 + length(words[i]) > 76) {
            print line
            line = words[i]
        } else
            line = line " " words[i]
    }
    print line
}
/^[^ ]/ {
    name = $1
    sub(/:$/, "", name)
    section = name
    sub(/\..*/, "", section)
    if (section != before) {
        if (before != "")
            print ".El"
        print ".Ss " section
        print ".Bl -tag -width Ds"
        before = section
    }
    print ".It Cm " name
    sub(/^[^ ]* /, "")
    facts = toupper(substr($0, 1, 1)) substr($0, 2)
    wrap(facts ".")
}
/^ / {
    sub(/^ */, "")
    help = $0
    # "dit: width ..." begins with a name.
    if (help !~ /^[a-z, ]+: /)
        help = toupper(substr(help, 1, 1)) substr(help, 2)
    wrap(help ".")
}
END { print ".El" }
