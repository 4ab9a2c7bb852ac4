#!/bin/sh
# The configuration on the command line: files, presets, key=value.
. "${abs_top_srcdir:-.}/tests/cli/lib.sh"

# Every preset of the source tree is listed with its comment and can be read.
try "$train" --list-presets
code_is 0
err_empty
cp out presets
for file in "$top"/examples/*.yaml; do
    preset=$(basename "$file" .yaml)
    grep -q '^encoder:' "$file" && continue # tests/cli/encoder.sh
    what="--list-presets: $preset"
    if grep -q "^$preset  *[A-Z0-9]" presets; then pass
    else fail "not listed, or without a comment"; fi
    try "$train" --print-config "$preset"
    code_is 0
    err_empty
    out_has "name: $preset"
    cp out first.yaml
    # The complete configuration reads back as itself.
    try "$train" --print-config ./first.yaml
    code_is 0
    same out first.yaml
done
for preset in mnist mnist-feature fashion-mnist fashion-feature toy-moons toy-swissroll toy-checkerboard \
    toy-ablation; do
    what="--list-presets: $preset"
    if grep -q "^$preset " presets; then pass; else fail "missing"; fi
done

# Without a configuration it is mnist-feature.
try "$train" --print-config
cp out default.yaml
try "$train" --print-config mnist-feature
same out default.yaml

# Arguments, --seed too; each key once.
try "$train" --print-config --seed 7 toy-moons run.steps=6 \
    optimizer.ema=0.9,0.99 drift.memory=512MiB run.name="my run"
code_is 0
out_has "steps: 6"
out_has "seed: 7"
out_has "ema: [0.9, 0.99]"
out_has "memory: 512 MiB"
out_has 'name: "my run"'

usage "drift-train: 'run.steps=6': the key comes again; first 'run.steps=5'" \
    "$train" toy-moons run.steps=5 run.seed=1 run.steps=6
usage "drift-train: 'run.seed=6': --seed sets it already" \
    "$train" --seed 6 toy-moons run.seed=6
usage "drift-train: drift.temperatures: 0.1 comes twice" \
    "$train" toy-moons drift.temperatures=0.1,0.2,0.1
usage "drift-train: guidance.alpha_min (9) is above guidance.alpha_max (1)" \
    "$train" --print-config toy-moons guidance.alpha_min=9
usage "drift-train: argument 'run.stpes=5': unknown key 'run.stpes'\
 (nearest: 'run.steps')" "$train" toy-moons run.stpes=5
usage "drift-train: argument 'run.steps=5x': run.steps: '5x' is not a whole\
 number; allowed: 1 or more steps" "$train" toy-moons run.steps=5x
usage "drift-train: 'toy-mons' is neither a file nor a preset (nearest preset:\
 'toy-moons')" "$train" toy-mons
usage "drift-train: guidance.alpha_min (9) is above guidance.alpha_max (1)" \
    "$train" --out x toy-moons guidance.alpha_min=9
no_file x
try "$train" ./none.yaml
code_is 1
err_is "drift-train: unable to open './none.yaml': No such file or directory"
no_file runs

# Files: where the mistake is, what is allowed, nothing left behind.
cat >bad.yaml <<'END'
generator:
  kind: conv
  hidden: many
END
usage "drift-train: bad.yaml:3: generator.hidden: 'many' is not a whole number;\
 allowed: 1 to 65536" "$train" bad.yaml
printf 'run:\n  seed: 1\n  sed: 2\n' >bad.yaml
usage "drift-train: bad.yaml:3: unknown key 'run.sed' (nearest: 'run.seed')" \
    "$train" bad.yaml
printf 'run:\n  seed: 1\n  seed: 2\n' >bad.yaml
usage "drift-train: bad.yaml:3: 'run.seed' comes again; first on line 2" \
    "$train" bad.yaml
: >bad.yaml
usage "drift-train: bad.yaml: the configuration is empty" "$train" bad.yaml
no_file runs
mkdir mnist
try "$train" --print-config mnist
code_is 0

# Presets of one's own.
mkdir -p own/presets
printf '# Mine\nrun:\n  steps: 3\n' >own/presets/mine.yaml
DRIFT_DATA_DIR=$work/own
export DRIFT_DATA_DIR
try "$train" --list-presets
out_has "mine               Mine"
out_has "toy-moons"
try "$train" --print-config mine
out_has "steps: 3"
finish
