#!/bin/sh
# drift-encoder on the command line: its presets and keys, a run, what belongs
# to the other tool.
. "${abs_top_srcdir:-.}/tests/cli/lib.sh"

# Every preset of the source tree that has its section, and no other.
try "$encoder" --list-presets
code_is 0
err_empty
cp out presets
for file in "$top"/examples/*.yaml; do
    preset=$(basename "$file" .yaml)
    what="drift-encoder --list-presets: $preset"
    if grep -q '^encoder:' "$file"; then
        if grep -q "^$preset  *[A-Z0-9]" presets; then pass
        else fail "not listed, or without a comment"; fi
        try "$encoder" --print-config "$preset"
        code_is 0
        err_empty
        out_has "name: $preset"
        cp out first.yaml
        try "$encoder" --print-config ./first.yaml
        code_is 0
        same out first.yaml
    elif grep -q "^$preset " presets; then fail "listed"
    else pass; fi
done

# Without a configuration it is encoder-mnist.
try "$encoder" --print-config
cp out default.yaml
try "$encoder" --print-config encoder-mnist
same out default.yaml
out_has "blocks: ["
what="sections of the other tool"
grep -q '^generator:\|^drift:\|^guidance:' out && fail "there" || pass

# Lists of whole numbers, as YAML has them and as a command line does.
try "$encoder" --print-config encoder.blocks=2,3
code_is 0
out_has "  blocks: [2, 3]"
usage "drift-encoder: argument 'encoder.blocks=1,x': encoder.blocks: 'x' is not\
 a whole number; allowed: at most 4 from 1 to 1024, as [1, 2]" \
    "$encoder" encoder.blocks=1,x
usage "drift-encoder: argument 'encoder.blocks=1,1,1,1,1': encoder.blocks: 5\
 numbers; at most 4 allowed" "$encoder" encoder.blocks=1,1,1,1,1
usage "drift-encoder: encoder.blocks is empty: give a number a stage" \
    "$encoder" encoder.blocks=

# Whose is it?
usage "drift-encoder: argument 'generator.hidden=3': 'generator.hidden' is a\
 key of drift-train, not of drift-encoder" "$encoder" generator.hidden=3
usage "drift-train: argument 'encoder.width=3': 'encoder.width' is a key of\
 drift-encoder, not of drift-train" "$train" encoder.width=3
usage "drift-encoder: argument 'run.gif=true': 'run.gif' is a key of\
 drift-train, not of drift-encoder" "$encoder" run.gif=true
usage "drift-encoder: argument 'encoder.witdh=3': unknown key 'encoder.witdh'\
 (nearest: 'encoder.width')" "$encoder" encoder.witdh=3
line=$(grep -n '^generator:' "$top/examples/mnist.yaml" | cut -d : -f 1)
usage "drift-encoder: $top/examples/mnist.yaml:$line: section 'generator' is of\
 drift-train, not of drift-encoder" "$encoder" mnist
try "$train" --print-config encoder-mnist
code_is 2
err_has "section 'encoder' is of drift-encoder, not of drift-train"
usage "drift-encoder: 'encoder-mnits' is neither a file nor a preset (nearest\
 preset: 'encoder-mnist')" "$encoder" encoder-mnits
no_file runs

# A run, and on with it; the file that it is there for.
try "$encoder" --out a encoder-mnist data.limit=60 encoder.width=4 \
    encoder.hidden=8 encoder.batch=20 optimizer.warmup_steps=1 run.steps=3
code_is 0
out_is a
err_has "drift-encoder: test images: 60"
err_has "drift-encoder: step 3/3  0:00 left"
for file in config.yaml metrics.jsonl log.txt encoder.safetensors \
    checkpoints/latest.safetensors; do
    is_file a/$file
done
what="metrics of a"
grep -q '"test_accuracy":' a/metrics.jsonl && pass || fail "no test"
cp a/encoder.safetensors first
try "$encoder" --quiet --resume a run.steps=5
code_is 0
err_empty
differ a/encoder.safetensors first
try "$encoder" --print-config a/config.yaml
code_is 0
same out a/config.yaml
try "$train" --resume a run.steps=9
code_is 2
err_has "section 'encoder' is of drift-encoder, not of drift-train"
try "$encoder" --quiet --out a
code_is 2
err_has "folder 'a' holds a run already"
try "$encoder" --quiet --force --out a encoder-mnist data.limit=60 \
    encoder.width=4 encoder.hidden=8 encoder.batch=20 run.steps=0
code_is 2
is_file a/encoder.safetensors

# What its features see: pixels first, then a line a family.
try "$encoder" --threads 1 --probe first "$top/data/mnist"
code_is 0
err_empty
out_has "family                       F     C  near %  mean %"
out_has "global                       1   784"
out_has "map1 "
out_has "hidden "
usage "drift-encoder: --probe FILE wants one data set" "$encoder" --probe first
try "$encoder" --probe nowhere mnist
code_is 1
err_has "unable to open 'nowhere'"
try "$encoder" --probe cifar10-resnet20 moons # a name
code_is 2
err_has "'moons': a probe needs images"
try "$encoder" --probe first moons
code_is 2
out_empty
err_has "'moons' is a set of points"

# Data that are not for it leave nothing behind.
usage "drift-encoder: data.path: 'moons' are points; an encoder is for images" \
    "$encoder" --out b data.path=moons
no_file b
finish
