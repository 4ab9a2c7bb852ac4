#!/bin/sh
# data/fetch.sh without a network: Debian's files, a good and a bad download,
# going on after an interruption, wrong usage.
set -u
script=${srcdir:-.}/data/fetch.sh
work=$(mktemp -d "${TMPDIR:-/tmp}/fetch.XXXXXX") || exit 99
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

refused() # refused CODE TEXT COMMAND...: exit code and a part of stderr
{
    code=$1 text=$2
    shift 2
    "$@" >/dev/null 2>"$work/err"
    [ $? -eq "$code" ] && grep -q -e "$text" "$work/err"
}

names="train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz
t10k-images-idx3-ubyte.gz t10k-labels-idx1-ubyte.gz"
mkdir "$work/debian" "$work/web"
for name in $names; do
    echo "$name" >"$work/debian/$name"
done

FETCH_DEBIAN=$work/debian sh "$script" fashion-mnist "$work/a" >/dev/null
check "Debian's files are copied" \
    cmp -s "$work/debian/t10k-labels-idx1-ubyte.gz" \
    "$work/a/fashion-mnist/t10k-labels-idx1-ubyte.gz"

check "no arguments" refused 2 usage sh "$script"
check "unknown data set" refused 2 usage sh "$script" imagenet
: >"$work/file"
check "folder that is a file" \
    refused 1 "unable to make" sh "$script" cifar10 "$work/file"

if command -v curl >/dev/null 2>&1; then
    FETCH_DEBIAN= FETCH_URL=file://$work/web
    export FETCH_DEBIAN FETCH_URL
    echo "not the data set" >"$work/web/cifar-10-binary.tar.gz"
    check "wrong sum" refused 1 "has the MD5 sum .* instead of c32a1d4a" \
        sh "$script" cifar10 "$work/b"
    check "nothing is left of it" [ -z "$(ls "$work/b/cifar10")" ]
    check "absent file" refused 1 "unable to fetch 'train-images" \
        sh "$script" fashion-mnist "$work/b"

    # The sums of our own files in a copy of the script.
    dd if=/dev/zero bs=1000 count=100 \
        of="$work/web/cifar-10-binary.tar.gz" 2>/dev/null
    sed 's/c32a1d4ab5d03f1284b67883e8d87530/0019d23bef56a136a1891211d7007f6f/' \
        "$script" >"$work/fetch.sh"
    mkdir -p "$work/b/cifar10"
    part=$work/b/cifar10/cifar-10-binary.tar.gz.part
    dd if=/dev/zero bs=1000 count=1 of="$part" 2>/dev/null
    sh "$work/fetch.sh" cifar10 "$work/b" >/dev/null 2>&1
    check "goes on after an interruption" \
        cmp -s "$work/web/cifar-10-binary.tar.gz" \
        "$work/b/cifar10/cifar-10-binary.tar.gz"
    rm "$work/web/cifar-10-binary.tar.gz"
    check "a second run asks for nothing" \
        sh "$work/fetch.sh" cifar10 "$work/b"
    mv "$work/b/cifar10/cifar-10-binary.tar.gz" "$part"
    check "a whole part is named" sh "$work/fetch.sh" cifar10 "$work/b"

    dd if=/dev/zero bs=1000 count=100 \
        of="$work/web/cifar-10-binary.tar.gz" 2>/dev/null
    rm "$work/b/cifar10/"*
    dd if=/dev/zero bs=1000 count=101 of="$part" 2>/dev/null
    sh "$work/fetch.sh" cifar10 "$work/b" >/dev/null 2>&1
    check "a part that is too long is fetched anew" \
        cmp -s "$work/web/cifar-10-binary.tar.gz" \
        "$work/b/cifar10/cifar-10-binary.tar.gz"
fi

# Stand-ins for curl and wget, each alone: DIED is how they end instead of
# going on with a file (curl's 33: the server cannot), DEAD how at once.
dd if=/dev/zero bs=1000 count=100 \
    of="$work/web/cifar-10-binary.tar.gz" 2>/dev/null
sed 's/c32a1d4ab5d03f1284b67883e8d87530/0019d23bef56a136a1891211d7007f6f/' \
    "$script" >"$work/fetch.sh"
part=$work/c/cifar10/cifar-10-binary.tar.gz.part
mkdir -p "$work/c/cifar10"
FETCH_URL=$work/web
export FETCH_URL
for tool in curl wget; do
    mkdir "$work/$tool"
    for name in sh cat cp cut dd dirname md5 md5sum mkdir mv openssl rm; do
        path=$(command -v $name) && ln -s "$path" "$work/$tool/$name"
    done
    cat >"$work/$tool/$tool" <<'END'
#!/bin/sh
while [ $# -gt 1 ]; do
    case $1 in -o | -O) file=$2; shift ;; esac
    shift
done
[ -z "$DEAD" ] || exit "$DEAD"
if [ -s "$file" ]; then
    [ -z "$DIED" ] || exit "$DIED"
    dd if=/dev/zero bs=1000 count=99 2>/dev/null >>"$file"
else
    cp "$1" "$file"
fi
END
    chmod +x "$work/$tool/$tool"
    fake() # fake DIED DEAD: with a part of 1000 bytes
    {
        rm -f "$work/c/cifar10/"*
        dd if=/dev/zero bs=1000 count=1 of="$part" 2>/dev/null
        (
            PATH=$work/$tool DIED=$1 DEAD=$2
            export PATH DIED DEAD
            sh "$work/fetch.sh" cifar10 "$work/c" >/dev/null 2>&1
        )
    }
    check "$tool goes on" fake "" ""
    check "$tool begins anew where the server cannot go on" fake 33 ""
    check "the file is whole" cmp -s "$work/web/cifar-10-binary.tar.gz" \
        "$work/c/cifar10/cifar-10-binary.tar.gz"
    check "nothing else is left" [ "$(ls "$work/c/cifar10")" = \
        cifar-10-binary.tar.gz ]
    fake "" 6
    check "without a network the part stays" [ "$(wc -c <"$part")" -eq 1000 ]
    check "and nothing else" [ "$(ls "$work/c/cifar10" | wc -l)" -eq 1 ]
done

exit $failed
