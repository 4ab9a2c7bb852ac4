#!/bin/sh
# Samples of points and of images, and what drift-info says of the runs.
. "${abs_top_srcdir:-.}/tests/cli/lib.sh"

png() { # png FILE: begins and ends like one
    what="$1 is a PNG"
    if [ "$(head -c 4 "$1" | tail -c 3)" = PNG ] &&
        tail -c 8 "$1" | grep -q IEND; then pass; else fail no; fi
}

# Images: a few steps on a few digits.
try "$train" --quiet --threads 2 --out digits mnist data.limit=100 \
    drift.generated=4 drift.positives=4 generator.hidden=4 \
    optimizer.ema=0.5,0.9 run.preview_count=10 run.steps=2
code_is 0
is_file digits/checkpoints/latest.safetensors

try "$sample" --grid sheet.png --png images --npz a.npz --count 20 digits
code_is 0
out_empty
err_is "drift-sample: 20 samples with ema.0.5 of step 2"
png sheet.png
png images/000000-0.png
png images/000019-9.png
no_file images/000020-0.png
is_file a.npz

# Sample i does not depend on how many there are, nor on what is written.
try "$sample" --quiet --png few --count 3 digits
code_is 0
err_empty
for i in 0 1 2; do
    same few/00000$i-$i.png images/00000$i-$i.png
done
try "$sample" --quiet --npz b.npz --count 20 --threads 1 digits
same a.npz b.npz
try "$sample" --quiet --npz c.npz --count 20 --seed 1 digits
differ a.npz c.npz
try "$sample" --quiet --npz c.npz --count 20 --ema none digits
differ a.npz c.npz
try "$sample" --quiet --npz c.npz --count 20 --ema 0.9 \
    digits/checkpoints/latest.safetensors
code_is 0
differ a.npz c.npz

# Standard output.
try "$sample" --quiet --npz - --count 20 digits
code_is 0
same out a.npz
try "$sample" --quiet --grid - --count 20 digits
code_is 0
same out sheet.png

# Chosen classes, in turn; interpolations.
try "$sample" --quiet --png some --class 7,3 --count 3 digits
code_is 0
png some/000000-7.png
png some/000001-3.png
png some/000002-7.png
try "$sample" --quiet --png way --interpolate 3 --count 2 --class 5 digits
code_is 0
png way/000005-5.png
no_file way/000006-5.png
usage "drift-sample: --class: the model has no class 10; allowed: 0 to 9" \
    "$sample" --grid x.png --class 10 digits
usage "drift-sample: --class: '1,' is not a list of whole numbers, as 0,3,5" \
    "$sample" --grid x.png --class 1, digits
usage "drift-sample: --class: '-1' is not a list of whole numbers, as 0,3,5" \
    "$sample" --grid x.png --class=-1 digits
usage "drift-sample: 'digits/checkpoints/latest.safetensors' holds no EMA\
 '0.7'; it holds none (the weights), 0.5, 0.9" \
    "$sample" --grid x.png --ema 0.7 digits
no_file x.png

# A place that cannot be written, and a full disk.
try "$sample" --quiet --grid nowhere/x.png digits
code_is 1
err_has "nowhere/x.png"
try "$sample" --quiet --npz nowhere/x.npz digits
code_is 1
err_has "nowhere/x.npz"
: >plainfile
try "$sample" --quiet --png plainfile/x digits
code_is 1
err_is "drift-sample: unable to create folder 'plainfile': File exists"
if [ -w /dev/full ]; then
    what="drift-sample --npz - >/dev/full"
    "$sample" --quiet --npz - --count 20 digits >/dev/full 2>err
    code=$?
    : >out
    code_is 1
    err_has "No space left on device"
fi

# A torn checkpoint, cut at several places.
size=$(wc -c <digits/checkpoints/latest.safetensors)
for part in 0 1 7 8 100 $((size / 2)) $((size - 1)); do
    head -c "$part" digits/checkpoints/latest.safetensors >torn.safetensors
    try "$sample" --quiet --grid x.png torn.safetensors
    code_is 1
    err_has "drift-sample: "
    err_has "torn.safetensors"
    no_file x.png
done
{ cat digits/checkpoints/latest.safetensors; echo; } >torn.safetensors
try "$info" torn.safetensors
code_is 1
err_has "torn.safetensors"

# What drift-info knows.
try "$info" digits
code_is 0
err_empty
out_has "conv"
out_has "ema.0.5"
out_has "parameters"
digest=$(sed -n 's/^data digest *//p' out)
what="the data digest of drift-info and of metrics.jsonl"
[ ${#digest} = 32 ] && grep -q "$digest" digits/metrics.jsonl && pass ||
    fail "$digest"
digest=$(sed -n 's/^config digest *//p' out)
what="the configuration's digest of drift-info and of metrics.jsonl"
[ ${#digest} = 32 ] && grep -q "$digest" digits/metrics.jsonl && pass ||
    fail "$digest"
try "$info" --json --checkpoint digits/checkpoints/latest.safetensors
code_is 0
out_has '"step": 2'
out_has '"generator.hidden": "4"'
out_has '"ema": ['
try "$info" --config digits
code_is 0
same out digits/config.yaml

# Points.
toy points
code_is 0
try "$sample" --quiet --npz p.npz --count 64 points
code_is 0
is_file p.npz
try "$sample" --quiet --grid p.png --count 64 points
if [ "$code" = 0 ]; then
    png p.png
else # a build without cairo says so
    code_is 1
    err_has "cairo"
fi
usage "drift-sample: --png: the model makes points, not images; use --grid or\
 --npz" "$sample" --png x points
finish
