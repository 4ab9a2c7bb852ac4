#!/bin/sh
# Install what drift needs to build; --tests: also what its tests need. Does
# nothing where all of it is there already. Asks for root only to install.
set -eu

tests=no
case ${1-} in
--tests) tests=yes ;;
"") ;;
*) echo "usage: sh examples/packages.sh [--tests]" >&2; exit 2 ;;
esac

root=
[ "$(id -u)" = 0 ] || root=sudo

# Required first, then the optional ones, then the tests' own.
debian="gcc make autoconf automake libtool pkg-config libblis-openmp-dev
    libpng-dev libyaml-dev libjansson-dev libarchive-dev libxxhash-dev
    librandom123-dev libjpeg-dev libgif-dev libcairo2-dev libmsgpack-dev
    liblapacke-dev"
debian_tests="libcmocka-dev mandoc clang libclang-rt-dev libomp-dev valgrind bmake
    xz-utils"
fedora="gcc make autoconf automake libtool pkgconf-pkg-config blis-devel
    libpng-devel libyaml-devel jansson-devel libarchive-devel xxhash-devel
    Random123-devel libjpeg-turbo-devel giflib-devel cairo-devel
    msgpack-devel lapack-devel"
fedora_tests="libcmocka-devel mandoc clang valgrind"
arch="base-devel blis libpng libyaml jansson libarchive xxhash random123
    libjpeg-turbo giflib cairo msgpack-c lapacke"
arch_tests="cmocka mandoc clang valgrind"
freebsd="autoconf automake libtool pkgconf blis png libyaml jansson
    libarchive xxhash random123 jpeg-turbo giflib cairo msgpack-c lapacke"
freebsd_tests="cmocka"
brew="autoconf automake libtool pkg-config blis libpng libyaml jansson
    libarchive xxhash random123 jpeg-turbo giflib cairo msgpack libomp lapack"
brew_tests="cmocka mandoc"

# Debian's package names change between releases; take the one that exists.
if command -v dpkg-query >/dev/null 2>&1; then
    [ $tests = no ] || debian="$debian $debian_tests"
    missing=
    for p in $debian; do
        dpkg-query -W -f '${Status}\n' "$p" 2>/dev/null |
            grep -q '^install ok installed' || missing="$missing $p"
    done
    [ -n "$missing" ] || exit 0
    echo "installing:$missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    $root apt-get update -q >&2
    # shellcheck disable=SC2086
    $root apt-get install -q -y --no-install-recommends $missing >&2
elif command -v dnf >/dev/null 2>&1; then
    [ $tests = no ] || fedora="$fedora $fedora_tests"
    # shellcheck disable=SC2086
    $root dnf install -y $fedora >&2
elif command -v pacman >/dev/null 2>&1; then
    [ $tests = no ] || arch="$arch $arch_tests"
    # shellcheck disable=SC2086
    $root pacman -S --needed --noconfirm $arch >&2
elif command -v pkg >/dev/null 2>&1; then
    [ $tests = no ] || freebsd="$freebsd $freebsd_tests"
    # shellcheck disable=SC2086
    $root pkg install -y $freebsd >&2
elif command -v brew >/dev/null 2>&1; then
    [ $tests = no ] || brew="$brew $brew_tests"
    # shellcheck disable=SC2086
    brew install $brew >&2
else
    cat >&2 <<EOF
No package manager known here. Needed: a C11 compiler, make, pkg-config,
autoconf, automake, libtool, BLIS, libpng, libyaml, jansson, libarchive,
xxHash, Random123; optional: libjpeg, giflib, cairo, msgpack-c.
EOF
    exit 1
fi
