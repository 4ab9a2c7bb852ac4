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
fi

exit $failed
