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

# Each system: what it calls the packages (required first, then the optional
# ones, then the tests' own) and how it is asked. Names change between
# releases: of a|b any is enough, and the first one that exists is installed;
# with `none` at the end it is done without where there is none of them.
if command -v dpkg-query >/dev/null 2>&1; then
    packages="gcc make autoconf automake libtool pkgconf|pkg-config
        libblis-openmp-dev libpng-dev zlib1g-dev libyaml-dev libjansson-dev
        libarchive-dev libxxhash-dev librandom123-dev libjpeg-dev libgif-dev
        libcairo2-dev libmsgpack-c-dev|libmsgpack-dev liblapacke-dev
        opencl-headers|none ocl-icd-opencl-dev|none libclblast-dev|none"
    packages_tests="libcmocka-dev mandoc clang libclang-rt-dev libomp-dev
        valgrind bmake xz-utils pocl-opencl-icd
        oclgrind|none"
    has() { dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null |
        grep -q '^install ok installed'; }
    exists() { [ -n "$(apt-cache show "$1" 2>/dev/null)" ]; }
    refresh() { $root apt-get update -q; }
    install() { $root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
        --no-install-recommends "$@"; }
elif command -v dnf >/dev/null 2>&1; then
    packages="gcc make autoconf automake libtool pkgconf-pkg-config blis-devel
        libpng-devel zlib-devel libyaml-devel jansson-devel libarchive-devel
        xxhash-devel Random123-devel|random123-devel libjpeg-turbo-devel
        giflib-devel cairo-devel msgpack-c-devel|msgpack-devel lapack-devel
        opencl-headers|none ocl-icd-devel|OpenCL-ICD-Loader-devel|none
        clblast-devel|none"
    packages_tests="libcmocka-devel mandoc clang valgrind pocl"
    has() { rpm -q --whatprovides "$1" >/dev/null 2>&1; }
    exists() { [ -n "$(dnf -q repoquery --whatprovides "$1" 2>/dev/null)" ]; }
    refresh() { :; }
    install() { $root dnf install -y "$@"; }
elif command -v pacman >/dev/null 2>&1; then
    packages="base-devel blis libpng zlib libyaml jansson libarchive xxhash
        random123 libjpeg-turbo giflib cairo msgpack-c lapacke
        opencl-headers|none ocl-icd|none clblast|none"
    packages_tests="cmocka mandoc clang valgrind pocl"
    has() { pacman -T "$1" >/dev/null 2>&1; }
    exists() { pacman -Si "$1" >/dev/null 2>&1; }
    refresh() { :; }
    install() { $root pacman -S --needed --noconfirm "$@"; }
elif command -v pkg >/dev/null 2>&1; then
    packages="autoconf automake libtool pkgconf blis png libyaml jansson
        libarchive xxhash random123 jpeg-turbo giflib cairo msgpack-c lapacke
        opencl|none ocl-icd|none clblast|none"
    packages_tests="cmocka pocl"
    has() { pkg info -e "$1"; }
    exists() { pkg search -q -e -S name "$1" >/dev/null 2>&1; }
    refresh() { :; }
    install() { $root pkg install -y "$@"; }
elif command -v brew >/dev/null 2>&1; then
    packages="autoconf automake libtool pkgconf|pkg-config blis libpng libyaml
        jansson libarchive xxhash random123 jpeg-turbo giflib cairo
        msgpack-c|msgpack libomp lapack"
    packages_tests="cmocka mandoc"
    has() { brew list --versions "$1" >/dev/null 2>&1; }
    exists() { brew info "$1" >/dev/null 2>&1; }
    refresh() { :; }
    install() { brew install "$@"; }
else
    cat >&2 <<EOF
No package manager known here. Needed: a C11 compiler, make, pkg-config,
autoconf, automake, libtool, BLIS, libpng, zlib, libyaml, jansson, libarchive,
xxHash, Random123; optional: libjpeg, giflib, cairo, msgpack-c, LAPACKE,
OpenCL with an ICD loader, CLBlast.
EOF
    exit 1
fi

# first TEST a|b: the first name that the test takes, or nothing.
first() {
    for name in $(echo "$2" | tr '|' ' '); do
        if "$1" "$name"; then
            echo "$name"
            return
        fi
    done
}

[ $tests = no ] || packages="$packages $packages_tests"
missing=
for p in $packages; do
    [ -n "$(first has "$p")" ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
refresh >&2
names=
for p in $missing; do
    name=$(first exists "$p")
    case $name/$p in
    /*'|none') ;;
    *) names="$names ${name:-${p%%|*}}" ;; # the manager says what is wrong
    esac
done
[ -n "$names" ] || exit 0
echo "installing:$names" >&2
# shellcheck disable=SC2086
install $names >&2
