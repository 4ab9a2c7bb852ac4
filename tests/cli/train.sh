#!/bin/sh
# Runs from the command line: the directory, refusal, force, resume, signals.
. "${abs_top_srcdir:-.}/tests/cli/lib.sh"

toy a
code_is 0
err_empty
out_is a
for file in config.yaml metrics.jsonl log.txt \
    checkpoints/latest.safetensors; do
    is_file a/$file
done
what="metrics of a"
lines=$(wc -l <a/metrics.jsonl)
[ "$lines" -ge 4 ] && pass || fail "$lines lines for 4 steps"
for key in step seconds images; do
    grep -q "\"$key\":" a/metrics.jsonl && pass || fail "no key $key"
done

# Pictures and events, whole: of points and of images.
pictures=$("$info" | sed -n 's/^libraries *//p')
events() { # events DIR: begin with a record of 24 bytes
    what="event file of $1"
    set -- "$1"/events.out.tfevents.*
    [ "$(head -c 8 "$1" | od -An -tu1 | tr -d ' \n')" = 240000000 ] && pass ||
        fail "$1"
}
events a
case $pictures in
*cairo*)
    for file in curves.png samples.png progress.png field.png losses.png \
        samples/step-000000.png samples/step-000004.png; do
        png a/$file
    done
    is_file a/samples/step-000004.npz
    ;;
*) no_file a/curves.png ;;
esac
try "$train" --quiet --out pixels mnist data.limit=50 drift.generated=2 \
    drift.positives=2 generator.hidden=4 run.preview_count=10 run.steps=2 \
    run.gif=true
code_is 0
events pixels
png pixels/samples/step-000000.png
png pixels/samples/step-000002.png
png pixels/comparison.png
no_file pixels/samples.png
case $pictures in *cairo*) png pixels/curves.png ;; esac
case $pictures in
*giflib*)
    what="pixels/run.gif is a GIF"
    [ "$(head -c 6 pixels/run.gif)" = GIF89a ] &&
        [ "$(tail -c 1 pixels/run.gif)" = ";" ] && pass || fail no
    ;;
*) no_file pixels/run.gif ;;
esac

# A run directory that is complete configures the same run.
try "$train" --print-config a/config.yaml
code_is 0
same out a/config.yaml

# A run is never overwritten unasked; --force keeps what is not the run's.
cp a/metrics.jsonl kept
echo mine >a/notes.txt
toy a
code_is 2
err_has "folder 'a' holds a run already"
same a/metrics.jsonl kept
try "$train" --quiet --force --out a ./toy.yaml run.steps=2
code_is 0
differ a/metrics.jsonl kept
is_file a/notes.txt

# The same seed gives the same bits, whatever the number of threads; another
# seed does not.
toy b
try "$train" --quiet --threads 3 --out c b/config.yaml
code_is 0
toy d run.seed=2
for run in b c d; do
    try "$sample" --quiet --count 8 --npz $run.npz $run
    code_is 0
done
same b.npz c.npz
differ b.npz d.npz

# Going on to the bit: 2 + 2 steps against 4.
toy e run.steps=2
try "$train" --quiet --resume e run.steps=4
code_is 0
out_is e
try "$sample" --quiet --count 8 --npz e.npz e
same b.npz e.npz
# A run that is done says what ended it, and shows no step that it did not make.
try "$train" --resume e run.steps=4
code_is 0
err_has "run.steps = 4 is reached: to go on, resume with more of them, as\
 run.steps=8"
what="steps of a run that is done"
grep -q 'step 4/4' err && fail "a line" || pass
usage "drift-train: run.steps is 3; the run has made 4 steps already" \
    "$train" --resume e run.steps=3
usage_text="drift-train: 'generator.hidden=8': a run that is resumed takes\
 run.KEY=VALUE and, of files that have moved, data.path, features.encoders and \
generator.autoencoder only"
usage "$usage_text" "$train" --resume e generator.hidden=8
usage "$usage_text" "$train" --print-config --resume e generator.hidden=8
cp e/metrics.jsonl kept
try "$train" --print-config --resume e run.steps=9
code_is 0
out_has "steps: 9"
same e/metrics.jsonl kept

# The first free directory of its name; a start that fails takes none.
try "$train" --quiet ./toy.yaml run.steps=1
out_is runs/toy-1
try "$train" --quiet b/config.yaml run.steps=1
out_is runs/toy-2
try "$train" --quiet ./toy.yaml drift.memory=1
code_is 2
no_file runs/toy-3
try "$train" --quiet ./toy.yaml run.steps=1 run.name='a "b"/c'
out_is 'runs/a "b"-c-1'
try "$info" 'runs/a "b"-c-1'
out_has 'name           a "b"/c'
what="two starts at once"
"$train" --quiet ./toy.yaml run.name=two run.steps=1 >first 2>err </dev/null &
pid=$!
"$train" --quiet ./toy.yaml run.name=two run.steps=1 >out 2>>err </dev/null
code=$?
wait $pid && [ "$(cat first out | sort | tr '\n' ' ')" = \
    "runs/two-1 runs/two-2 " ] && pass || fail "$(cat first)"
code_is 0
# A path longer than most.
long=$(printf '%0120d/' 1 2 3 4 5)
mkdir -p "$long"
try "$train" --quiet --out "${long}run" ./toy.yaml run.steps=1
code_is 0
out_is "${long}run"
is_file "${long}run/config.yaml"

# Plain lines where stderr is no terminal, and where the run is.
try "$train" --out f b/config.yaml run.steps=2
code_is 0
out_is f
err_has "drift-train: step 2/2  0:00 left"
err_has "saved in f"
what="the last step is shown once"
[ "$(grep -c 'step 2/2' err)" = 1 ] && pass || fail "not once"
what="stderr of f"
tr -d '\r\033' <err >plain
cmp -s err plain && pass || fail "control characters"

# On a terminal one line, no wider than that.
if command -v script >/dev/null && command -v stty >/dev/null &&
    script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
    cat >terminal.sh <<END
stty cols 40
exec '$train' --out narrow ./toy.yaml run.steps=50
END
    what="the live line on a terminal of 40 columns"
    TERM=xterm script -qec "sh terminal.sh" /dev/null >out 2>err </dev/null
    tr '\r' '\n' <out | sed "s/$(printf '\033')\[K//" | grep '^step ' >lines
    widest=$(awk 'length > most { most = length } END { print most + 0 }' lines)
    [ "$widest" = 39 ] && pass || fail "$widest columns"
fi

# Guidance that nothing in the loss knows of is said once.
try "$train" --out alpha ./toy.yaml generator.use_alpha=true \
    guidance.alpha_max=3 run.steps=2
code_is 0
what="alpha without negatives"
[ "$(grep -c 'warning: drift.negatives is 0: alpha' err)" = 1 ] && pass ||
    fail "not said once"
try "$train" --out alpha2 ./toy.yaml generator.use_alpha=true \
    guidance.alpha_max=3 drift.negatives=4 run.steps=1
code_is 0
what="alpha with negatives"
grep -q 'drift.negatives' err && fail "said" || pass
grep -q '"alpha_realised":' alpha2/metrics.jsonl && pass || fail "no key"

# A signal saves and says how to go on.
for signal in INT:130 TERM:143 HUP:129; do
    number=${signal#*:}
    name=${signal%:*}
    rm -rf g
    what="a signal $name"
    # Under nohup the signal is ignored, and rightly so by the program.
    if [ "$(sh -c "kill -$name \$\$; echo ignored" 2>/dev/null)" = ignored ]
    then
        continue
    fi
    # An interactive shell's children see SIGINT; those of a script with & do
    # not, so the signal's default is put back by the program itself.
    "$train" --out g b/config.yaml run.steps=1000000 >out 2>err </dev/null &
    pid=$!
    tries=0
    until [ -s g/metrics.jsonl ] || [ $tries -gt 300 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill -"$name" $pid
    wait $pid
    code=$?
    code_is "$number"
    out_empty
    err_has "drift-train: stopped after "
    err_has "drift-train: to go on: drift-train --resume 'g'"
    is_file g/checkpoints/latest.safetensors
    try "$train" --quiet --resume g run.minutes=0.0001
    code_is 0
    out_is g
done

# A process killed at any moment, and a disk that is full (here: a bound on the
# size of a file), leave the last checkpoint whole.
rm -rf g
what="a run that is killed"
"$train" --quiet --out g b/config.yaml run.steps=1000000 run.save_every=1 \
    >out 2>err </dev/null &
pid=$!
tries=0
until [ -s g/checkpoints/latest.safetensors ] || [ $tries -gt 300 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
sleep 0.3
kill -KILL $pid
wait $pid 2>/dev/null
try "$train" --quiet --resume g run.minutes=0.0001
code_is 0
what="temporary files after a resume"
found=$(find g -name '*.tmp-*')
[ -z "$found" ] && pass || fail "$found"

toy k generator.hidden=200
code_is 0
cp k/checkpoints/latest.safetensors kept
what="a full disk"
(
    trap '' XFSZ
    ulimit -f 100
    exec "$train" --quiet --resume k run.steps=6 run.save_every=1
) >out 2>err </dev/null
code=$?
code_is 1
err_has "drift-train: unable to write 'k/checkpoints/"
same k/checkpoints/latest.safetensors kept
try "$train" --quiet --resume k run.steps=6
code_is 0

# Data and places that are not there: nothing is left behind.
try "$train" --quiet --out h data.path=./nowhere
err_has "drift-train: "
err_has "nowhere"
out_empty
case $code in 1 | 2) pass ;; *) fail "exit $code" ;; esac
no_file h
if [ "$(id -u)" != 0 ]; then
    mkdir closed
    chmod a-w closed
    try "$train" --quiet --out closed/run b/config.yaml
    code_is 1
    err_has "Permission denied"
    no_file closed/run
fi
: >plainfile
try "$train" --quiet --out plainfile/run b/config.yaml
code_is 1
err_has "plainfile"

# A step that fails: said once, with step, family and file; then the run can be
# gone on with or forced away.
try "$train" --out nan ./toy.yaml generator.noise_std=1000 optimizer.lr=10 \
    optimizer.beta1=0 optimizer.weight_decay=10 optimizer.clip_norm=0 \
    generator.depth=9
code_is 1
err_has "drift-train: step 2 (the state before it is in\
 'nan/checkpoints/failed-000002.safetensors'): the drift of family 'global'"
what="a failed step is told once"
[ "$(grep -c "family 'global'" err)" = 1 ] && pass || fail "not once"
try "$info" nan/checkpoints/failed-000002.safetensors
code_is 0
try "$train" --quiet --resume nan
code_is 1
err_has "failed-000002"
try "$train" --quiet --force --out nan ./toy.yaml run.steps=1
code_is 0
no_file nan/checkpoints/failed-000002.safetensors

# Profile: of all steps but the first, where there are more.
try "$train" --quiet --profile --out i b/config.yaml run.steps=3
code_is 0
err_has "s after the first step"
grep -qE "^adamw +2 " err && pass || fail "two steps"
try "$train" --quiet --profile --force --out i b/config.yaml run.steps=1
code_is 0
err_has "field"
err_has "% in ops"
finish
