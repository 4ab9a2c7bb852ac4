#!/bin/sh
# Options of the tools: help, version, mistakes, exit codes.
. "${abs_top_srcdir:-.}/tests/cli/lib.sh"

for tool in train encoder sample info; do
    program=$build/src/drift-$tool
    name=drift-$tool
    try "$program" --help
    code_is 0
    err_empty
    out_has "Usage: $name "
    out_has "--device NAME"
    out_has "Exit status: 0 done, 1 failed, 2 wrong usage, 3 device"
    cp out long
    try "$program" -h
    code_is 0
    same out long
    try "$program" --version
    code_is 0
    err_empty
    out_has "$name $(sed -n \
        's/^#define DRIFT_VERSION  *"\(.*\)"/\1/p' "$top/include/drift.h") ("

    usage "$name: unknown option '--threds' (nearest: '--threads'; see --help)" \
        "$program" --threds=2
    usage "$name: --threads needs a value: N" "$program" --threads
    usage "$name: --threads: '2x' is not a whole number; allowed: 0 to 4096" \
        "$program" --threads 2x
    usage "$name: --threads: '' is not a whole number; allowed: 0 to 4096" \
        "$program" --threads=
    usage "$name: --threads: '-1' is out of range; allowed: 0 to 4096" \
        "$program" --threads=-1
    usage "$name: --threads: '0x2' is not a whole number; allowed: 0 to 4096" \
        "$program" --threads=0x2
    usage "$name: --help takes no value" "$program" --help=yes
    usage "$name: --device: the value is empty" "$program" --device=
done

# A device that is not there is exit 3.
for device in nonsense cpu:7; do
    try "$info" --device "$device"
    code_is 3
    out_empty
    err_has "drift-info: "
    err_has "'$device'"
    try "$train" --device "$device" --out d toy-moons
    code_is 3
    no_file d
done
try "$info" --devices
code_is 0
err_empty
out_has "cpu            "
if grep -q 'opencl  .*built without' out; then
    try "$info" --devices --json
    code_is 0
    out_has '"opencl": []'
    for device in opencl opencl:1 check; do
        try "$info" --device $device
        code_is 3
        err_is "drift-info: device '$device': built without OpenCL; devices:\
 auto, cpu"
    done
fi

# Results on stdout, talk on stderr.
try "$info"
code_is 0
err_empty
out_has "revision"
out_has "compiler"
try "$info" --json
code_is 0
err_empty
out_has '"version": "'
if [ -w /dev/full ]; then
    what="drift-info >/dev/full"
    "$info" >/dev/full 2>err
    code=$?
    : >out
    code_is 1
    err_has "drift-info: unable to write standard output: "
fi

usage "drift-info: --devices lists all: it takes no --device" \
    "$info" --devices --device cpu
usage "drift-info: --devices lists all: it takes no checkpoint" \
    "$info" --devices a
usage "drift-info: --config needs a checkpoint" "$info" --config
usage "drift-info: 'b' is too much: one checkpoint or run directory" \
    "$info" a b
usage "drift-sample: name a checkpoint or a run directory" "$sample"
usage "drift-sample: 'b' is too much: one checkpoint or run directory" \
    "$sample" a b
usage "drift-sample: say what to write: --grid, --png or --npz" "$sample" a
usage "drift-sample: --grid and --npz both to standard output" \
    "$sample" --grid - --npz - a
usage "drift-sample: --count: '0' is out of range; allowed: 1 to 1000000000" \
    "$sample" --count 0 a
try "$sample" --grid x.png nowhere
code_is 1
err_is "drift-sample: unable to open 'nowhere': No such file or directory"
no_file x.png

usage "drift-train: 'b' is a second configuration beside 'a'" "$train" a b
usage "drift-encoder: --resume takes key=value only, not --out" \
    "$encoder" --resume a --out b
usage "drift-train: --resume takes key=value only, not --out" \
    "$train" --resume a --out b
usage "drift-train: --resume takes key=value only, not mnist" \
    "$train" --resume a mnist
usage "drift-train: --resume takes key=value only, not --seed" \
    "$train" --resume a --seed 1
usage "drift-train: --seed: '1e3' is not a whole number; allowed: 0 to\
 1000000000000000" "$train" --seed 1e3
try "$train" --resume nowhere
code_is 1
err_is "drift-train: unable to open\
 'nowhere/checkpoints/latest.safetensors': No such file or directory"
mkdir empty
for program in "$sample --grid x.png" "$info" "$train --resume"; do
    # Words of a command.
    # shellcheck disable=SC2086
    try $program empty
    code_is 1
    err_has "folder 'empty' holds no checkpoint yet"
done

# Streams that are closed: no file of a run takes their place.
what="drift-train <&- >&- 2>&-"
"$train" --out quiet ./toy.yaml <&- >&- 2>&-
code=$?
: >out
: >err
code_is 0
for file in quiet/log.txt quiet/metrics.jsonl quiet/config.yaml; do
    grep -q 'drift-train:' $file && fail "$file holds talk" || pass
done
grep -vq '^{' quiet/metrics.jsonl && fail "metrics.jsonl" || pass
finish
