# Words for the tests of the command line. A test sources this file, runs
# commands with `try`, checks what they gave, and ends with `finish`.
set -u
top=${abs_top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${abs_top_builddir:-$top}
train=$build/src/drift-train
encoder=$build/src/drift-encoder
eval=$build/src/drift-eval
sample=$build/src/drift-sample
info=$build/src/drift-info
unset DRIFT_DATA_DIR 2>/dev/null
LC_ALL=C
export LC_ALL

work=$(mktemp -d "${TMPDIR:-/tmp}/drift-cli.XXXXXX") || exit 99
trap 'chmod -R u+w "$work" 2>/dev/null; rm -rf "$work"' 0
cd "$work" || exit 99
checks=0
failures=0

pass() {
    checks=$((checks + 1))
}

fail() {
    checks=$((checks + 1))
    failures=$((failures + 1))
    echo "FAILED: $what: $*"
    sed 's/^/    stdout: /' out | head -n 20
    sed 's/^/    stderr: /' err | head -n 20
}

# try COMMAND...: leaves out, err and $code.
try() {
    what="$*"
    "$@" >out 2>err </dev/null
    code=$?
}

code_is() {
    if [ "$code" = "$1" ]; then pass; else fail "exit $code, not $1"; fi
}
out_has() {
    if grep -qF -e "$1" out; then pass; else fail "stdout lacks: $1"; fi
}
err_has() {
    if grep -qF -e "$1" err; then pass; else fail "stderr lacks: $1"; fi
}
# Where no GPU is found a line says so.
err_is() {
    if [ "$(grep -v ': device: cpu, ' err)" = "$1" ]; then pass; else fail "stderr is not: $1"; fi
}
out_is() {
    if [ "$(cat out)" = "$1" ]; then pass; else fail "stdout is not: $1"; fi
}
out_empty() {
    if [ ! -s out ]; then pass; else fail "stdout is not empty"; fi
}
# A build without cairo says once that it draws no pictures.
err_empty() {
    if grep -v 'warning: pictures are left out: ' err >/dev/null; then
        fail "stderr is not empty"
    else
        pass
    fi
}
# is NAME WANTED GOT
is() {
    what=$1
    if [ "$2" = "$3" ]; then pass; else fail "'$3' instead of '$2'"; fi
}
is_file() {
    if [ -s "$1" ]; then pass; else fail "no file $1"; fi
}
no_file() {
    if [ ! -e "$1" ]; then pass; else fail "$1 is there"; fi
}
same() {
    if cmp -s "$1" "$2"; then pass; else fail "$1 and $2 differ"; fi
}
differ() {
    if cmp -s "$1" "$2"; then fail "$1 and $2 are the same"; else pass; fi
}

# What a test of an OpenCL device begins with: without one it is skipped,
# except where DRIFT_REQUIRE_OPENCL=1 says that there has to be one.
needs_opencl() {
    "$info" --device opencl >out 2>err && return
    sed 's/^/skipped: /' err
    [ "${DRIFT_REQUIRE_OPENCL-}" = 1 ] && exit 1
    exit 77
}

# A usage error: exit 2, one line on stderr, nothing on stdout.
usage() { # usage TEXT COMMAND...
    text=$1
    shift
    try "$@"
    code_is 2
    err_is "$text"
    out_empty
}

# A run of a second or two.
cat >toy.yaml <<'END'
data:
  path: moons
generator:
  kind: mlp
  hidden: 16
  depth: 3
  use_class: false
  use_alpha: false
  style_tokens: 0
drift:
  generated: 32
  positives: 32
  variant: toy
  temperatures: [0.1]
optimizer:
  lr: 0.001
  warmup_steps: 0
  ema: [0.9]
run:
  preview_count: 32
  log_every: 1
  steps: 4
END
toy() { # toy DIR KEY=VALUE...
    dir=$1
    shift
    try "$train" --quiet --threads 1 --out "$dir" ./toy.yaml "$@"
}

# A file that begins and ends like one of its kind.
png() { # png FILE
    what="$1 is a PNG"
    if [ "$(head -c 4 "$1" | tail -c 3)" = PNG ] &&
        tail -c 8 "$1" | grep -q IEND; then pass; else fail no; fi
}

finish() {
    echo "$((checks - failures)) passed, $failures failed"
    [ "$failures" = 0 ]
    exit
}
