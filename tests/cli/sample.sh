#!/bin/sh
# Samples of points and of images, and what drift-info says of the runs.
. "${abs_top_srcdir:-.}/tests/cli/lib.sh"

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
try "$sample" --quiet --npz c.npz --count 20 --ema ema.0.5 digits
code_is 0
same a.npz c.npz
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

# What has no effect, or no room, is said before anything is made.
usage "drift-sample: --alpha: the model was trained without\
 (generator.use_alpha is false)" "$sample" --grid x.png --alpha 2 digits
try "$train" --quiet --threads 2 --out guided mnist data.limit=100 \
    drift.generated=4 drift.positives=4 generator.hidden=4 \
    generator.use_alpha=true guidance.alpha_max=3 run.preview_count=10 \
    run.steps=2
code_is 0
usage "drift-sample: --alpha: '1,,2' is not a list of numbers, as 1,1.5,2" \
    "$sample" --grid x.png --alpha 1,,2 guided
usage "drift-sample: --alpha: '2,' is not a list of numbers, as 1,1.5,2" \
    "$sample" --grid x.png --alpha 2, guided
usage "drift-sample: --alpha: 'nan' is not a list of numbers, as 1,1.5,2" \
    "$sample" --grid x.png --alpha nan guided
usage "drift-sample: --alpha: 0.5 is not within 1 to 1000" \
    "$sample" --grid x.png --alpha 2,0.5 guided

# Several alphas: the same samples with each.
try "$sample" --png alphas --grid alphas.png --alpha 1,3 --count 5 guided
code_is 0
err_is "drift-sample: 10 samples with ema.0.99 of step 2"
png alphas.png
for alpha in 1 3; do
    try "$sample" --quiet --png alpha$alpha --alpha $alpha --count 5 guided
done
for i in 0 3 4; do
    same alphas/00000$i-$i.png alpha1/00000$i-$i.png
    same alphas/00000$((i + 5))-$i.png alpha3/00000$i-$i.png
done
what="another alpha, another image"
cmp -s alpha1/000003-3.png alpha3/000003-3.png && fail "equal" || pass

usage "drift-sample: --grid and --npz both to 'x'" \
    "$sample" --grid x --npz x digits
usage "drift-sample: --columns is of --grid only" \
    "$sample" --npz x.npz --columns 2 digits
try "$sample" --quiet --npz x.npz --grid x.png --columns 1 --count 100000 digits
code_is 1
err_has "a sheet of 100000 x 1 images of 28 x 28 pixels is too large"
no_file x.npz
try "$sample" --quiet --npz x.npz --grid nowhere/x.png digits
code_is 1
err_has "nowhere/x.png"
no_file x.npz
try "$sample" --quiet --grid wide.png --columns 50 --count 3 digits
code_is 0
png wide.png
try "$sample" --quiet --grid many.png --columns 1 --count 2000 digits
code_is 0
png many.png
what="columns beyond the samples"
[ "$(wc -c <wide.png)" -lt "$(wc -c <sheet.png)" ] && pass || fail "wide"

# A signal leaves no file that is half written.
what="drift-sample and SIGTERM"
"$sample" --quiet --npz long.npz --count 10000000 digits >out 2>err </dev/null &
pid=$!
tries=0
until [ -n "$(find . -name 'long.npz.tmp-*' -size +0)" ] || [ $tries -gt 300 ]
do
    sleep 0.1
    tries=$((tries + 1))
done
kill -TERM $pid
wait $pid
code=$?
code_is 143
err_is "drift-sample: stopped by a signal"
found=$(find . -name 'long.npz*')
[ -z "$found" ] && pass || fail "$found"

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
out_has "name           mnist"
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

# Classes by their names.
for class in cat dog; do
    mkdir -p "animals/$class"
    cp images/000000-0.png images/000010-0.png "animals/$class"
done
try "$train" --quiet --out pets mnist data.path=animals drift.generated=4 \
    drift.positives=4 generator.hidden=4 run.preview_count=4 run.steps=1
code_is 0
try "$info" pets
out_has 'class names    ["cat","dog"]'
try "$sample" --quiet --npz dog.npz --count 4 --class dog pets
code_is 0
try "$sample" --quiet --npz one.npz --count 4 --class 1 pets
same dog.npz one.npz
usage "drift-sample: --class: the model has no class cow; allowed: 0 to 1 and\
 their names" "$sample" --npz x.npz --class 0,cow pets
# From elsewhere, and where the data went.
mkdir other
mv animals other
try "$train" --quiet --resume pets run.steps=2
code_is 1
err_has "$work/animals"
try "$train" --quiet --resume pets run.steps=2 data.path=other/animals
code_is 0

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
usage "drift-sample: --class: the model was trained without\
 (generator.use_class is false)" "$sample" --npz x.npz --class 0 points
usage "drift-sample: --png: the model makes points, not images; use --grid or\
 --npz" "$sample" --png x points
finish
