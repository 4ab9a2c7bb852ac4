#!/bin/sh
# examples/packages.sh with stand-ins for the package managers: nothing is done
# where all is there, only what is missing is asked for, and of two names the
# one that exists. examples/quickstart.sh: its --minutes.
set -u
examples=$(cd "${srcdir:-.}/examples" && pwd) || exit 99
work=$(mktemp -d "${TMPDIR:-/tmp}/packages.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
failed=0

check() # check TEXT COMMAND...
{
    what=$1
    shift
    if "$@"; then
        echo "ok: $what"
    else
        echo "FAIL: $what"
        failed=1
    fi
}

# Every stand-in is this script: it writes down what would be done, and by
# whom, or answers whether its last word is in the list.
cat >"$work/stand-in" <<'END'
#!/bin/sh
me=${0##*/}
for last; do :; done
case "$me $*" in
"id "*) echo 1000; exit ;;
"sudo "*) DONE_BY=sudo; export DONE_BY; exec "$@" ;;
*" install "* | *" -S "* | *" update "*)
    echo "${DONE_BY-} $me $*" >>"$WORK/done"
    exit ;;
*" info -e "*) list=installed ;;
*" repoquery "* | *" -Si "* | *" search "* | *" info "* | "apt-cache "*)
    list=exist ;;
*) list=installed ;;
esac
grep -qx -e "$last" "$WORK/$list" || exit 1
echo 'install ok installed'
END
chmod +x "$work/stand-in"
WORK=$work
export WORK

# manager NAME ASKED-BY...: a PATH with these programs alone.
manager()
{
    bin=$work/$1
    mkdir "$bin"
    for name in cat echo env grep sh tr; do
        ln -s "$(command -v $name)" "$bin/$name"
    done
    for name in id sudo "$@"; do
        ln -s "$work/stand-in" "$bin/$name"
    done
}

packages()
{
    rm -f "$work/done"
    (PATH=$bin sh "$examples/packages.sh" "$@") >"$work/out" 2>&1
}

done_is() # done_is TEXT: in the last thing done
{
    [ -f "$work/done" ] && tail -n 1 "$work/done" | grep -q -e "$1"
}

# All names that the script knows, one of each pair.
tr ' "' '\n\n' <"$examples/packages.sh" | sed 's/|.*//; s/.*=//' |
    grep -vx none | sort -u >"$work/all"

for system in dpkg-query dnf pacman pkg brew; do
    case $system in
    dpkg-query) manager dpkg-query apt-get apt-cache ;;
    dnf) manager dnf rpm ;;
    *) manager $system ;;
    esac
    cp "$work/all" "$work/installed"
    cp "$work/all" "$work/exist"
    check "$system: all is there" packages --tests
    check "$system: nothing is done" [ ! -e "$work/done" ]
    grep -vx cmocka "$work/all" | grep -vx 'libcmocka-dev.*' >"$work/installed"
    check "$system: one is missing" packages --tests
    check "$system: it is asked for" done_is ' [a-z]*cmocka[a-z-]*$'
    [ $system = brew ] ||
        check "$system: by root" done_is '^sudo '
    check "$system: not without --tests" packages
    check "$system: so nothing is done" [ ! -e "$work/done" ]
done

bin=$work/dpkg-query
grep -vx 'libmsgpack-c-dev' "$work/all" >"$work/installed"
cp "$work/installed" "$work/exist"
echo libmsgpack-dev >>"$work/exist"
check "the older name" packages
check "is asked for" done_is ' libmsgpack-dev$'
echo libmsgpack-dev >>"$work/installed"
check "the older name is there" packages
check "and is enough" [ ! -e "$work/done" ]

grep -v '^opencl-headers' "$work/all" >"$work/installed"
cp "$work/installed" "$work/exist"
check "what is optional exists nowhere" packages
check "and is done without" sh -c '! grep -q installing "$1"' - "$work/out"
echo opencl-headers >>"$work/exist"
check "what is optional exists" packages
check "and is installed" done_is ' opencl-headers$'

# With these few programs it would not come far.
sh=$(command -v sh)
for minutes in 0 0.0 .0 x 1x ""; do
    (PATH=$bin "$sh" "$examples/quickstart.sh" --minutes "$minutes") \
        >"$work/out" 2>&1
    check "--minutes '$minutes' is refused" [ $? -eq 2 ]
done
exit $failed
