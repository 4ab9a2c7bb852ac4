#!/bin/sh
# Fetch a data set that is not part of drift.
#
#     sh fetch.sh fashion-mnist|cifar10 [FOLDER]
#
# FOLDER is where the data set's own folder is made; without it, beside this
# script, where the presets look (for an installed one that may need root). Every file is checked against its published
# MD5 sum before it gets its name; what an interrupted run has left in
# NAME.part is gone on with where the server can, else fetched anew. Needs curl or wget, and md5sum, md5 or openssl.
#
# For tests and mirrors: FETCH_URL replaces the addresses below, FETCH_DEBIAN
# the folder of Debian's package dataset-fashion-mnist.

set -eu

debian=${FETCH_DEBIAN-/usr/share/datasets/fashion-mnist}
fashion_urls="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com
https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion"
cifar_urls="https://www.cs.toronto.edu/~kriz"

fail()
{
    echo "fetch.sh: $*" >&2
    exit 1
}

usage()
{
    echo "usage: sh fetch.sh fashion-mnist|cifar10 [FOLDER]" >&2
    exit 2
}

md5_of()
{
    if command -v md5sum >/dev/null 2>&1; then
        md5sum <"$1" | cut -d ' ' -f 1
    elif command -v md5 >/dev/null 2>&1; then
        md5 -q "$1"
    elif command -v openssl >/dev/null 2>&1; then
        openssl md5 -r "$1" | cut -d ' ' -f 1
    else
        fail "neither md5sum, md5 nor openssl is there to check '$1'"
    fi
}

# download URL FILE: go on with FILE where it is.
download()
{
    if command -v curl >/dev/null 2>&1; then
        curl -fL --retry 3 -C - -o "$2" "$1"
    elif command -v wget >/dev/null 2>&1; then
        wget -c -O "$2" "$1"
    else
        fail "neither curl nor wget is there"
    fi
}

# attempt URL FILE MD5: FILE is whole then.
attempt()
{
    echo "$1"
    download "$1" "$2" || return 1
    sum=$(md5_of "$2")
    [ "$sum" != "$3" ] || return 0
    rm -f "$2"
    echo "fetch.sh: '$1' has the MD5 sum $sum instead of $3" >&2
    return 1
}

# afresh URL FILE MD5: for a FILE that cannot be gone on with: not every server
# can, and it may be longer than what it should become. It comes back where
# nothing comes instead.
afresh()
{
    echo "fetch.sh: unable to go on with '$2'; from the beginning" >&2
    [ ! -f "$2" ] || mv "$2" "$2.old"
    status=0
    attempt "$@" || status=1
    [ $status = 0 ] || [ -s "$2" ] || [ ! -f "$2.old" ] || mv "$2.old" "$2"
    rm -f "$2.old"
    return $status
}

# fetch NAME MD5 FOLDER URLS
fetch()
{
    part=$3/$1.part
    if [ -f "$3/$1" ] && [ "$(md5_of "$3/$1")" = "$2" ]; then
        echo "$3/$1: already there"
        return
    fi
    # A part may be whole, only not yet named.
    if [ -f "$part" ] && [ "$(md5_of "$part")" = "$2" ]; then
        mv "$part" "$3/$1"
        return
    fi
    for url in ${FETCH_URL:-$4}; do
        begun=no
        [ ! -s "$part" ] || begun=yes
        if attempt "$url/$1" "$part" "$2" ||
            { [ $begun = yes ] && afresh "$url/$1" "$part" "$2"; }; then
            mv "$part" "$3/$1"
            return
        fi
    done
    fail "unable to fetch '$1'; a second run goes on where this one ended"
}

fashion_mnist()
{
    if [ -n "$debian" ] && [ -f "$debian/train-images-idx3-ubyte.gz" ]; then
        for name in train-images-idx3 train-labels-idx1 t10k-images-idx3 \
            t10k-labels-idx1; do
            cp "$debian/$name-ubyte.gz" "$1/$name-ubyte.gz.part"
            mv "$1/$name-ubyte.gz.part" "$1/$name-ubyte.gz"
        done
        echo "$1: copied from $debian"
        return
    fi
    if command -v apt-get >/dev/null 2>&1; then
        echo "fetch.sh: the package dataset-fashion-mnist has these files, too"
    fi
    fetch train-images-idx3-ubyte.gz 8d4fb7e6c68d591d4c3dfef9ec88bf0d "$1" \
        "$fashion_urls"
    fetch train-labels-idx1-ubyte.gz 25c81989df183df01b3e8a0aad5dffbe "$1" \
        "$fashion_urls"
    fetch t10k-images-idx3-ubyte.gz bef4ecab320f06d8554ea6380940ec79 "$1" \
        "$fashion_urls"
    fetch t10k-labels-idx1-ubyte.gz bb300cfdad3c16e7a12a480ee83cd310 "$1" \
        "$fashion_urls"
}

cifar10()
{
    fetch cifar-10-binary.tar.gz c32a1d4ab5d03f1284b67883e8d87530 "$1" \
        "$cifar_urls"
}

[ $# -ge 1 ] && [ $# -le 2 ] || usage
folder=${2:-$(dirname "$0")}
case $1 in
fashion-mnist) get=fashion_mnist ;;
cifar10) get=cifar10 ;;
*) usage ;;
esac
mkdir -p "$folder/$1" || fail "unable to make '$folder/$1'"
$get "$folder/$1"
