#!/bin/sh
# drift-eval: its table and its JSON, a model against its own samples as a file,
# what it refuses.
. "${abs_top_srcdir:-.}/tests/cli/lib.sh"
XDG_CACHE_HOME=$work/cache
export XDG_CACHE_HOME

try "$train" --quiet --threads 2 --out digits mnist data.limit=100 \
    drift.generated=4 drift.positives=4 generator.hidden=4 run.steps=2
code_is 0
try "$sample" --quiet --threads 2 --npz real.npz --count 60 --seed 7 digits
code_is 0
try "$sample" --quiet --threads 2 --npz made.npz --count 40 digits
code_is 0

# The same samples from the model and from the file have the same figures.
try "$eval" --data real.npz --features mnist-classifier --count 40 --json digits
code_is 0
err_has "no test images"
grep -v '"of"' out >model.json
try "$eval" --data real.npz --features mnist-classifier --json made.npz
code_is 0
grep -v '"of"' out >file.json
what="figures of a model and of its samples"
same model.json file.json
out_has '"network": "mnist-classifier"'
out_has '"count": 40'
try "$eval" --data real.npz --features mnist-classifier --count 40 --seed 1 \
    --json digits
code_is 0
grep -v '"of"' out >other.json
differ model.json other.json
try "$eval" --data real.npz --features mnist-classifier --count 40 --ema none \
    --json digits
code_is 0
grep -v '"of"' out >other.json
differ model.json other.json

try "$eval" --data real.npz --features mnist-classifier --count 40 digits
code_is 0
out_has "samples  digits, ema.0.99 of step 2, seed 0"
out_has "real     60 training images of real.npz"
out_has "network  mnist-classifier, 64 features"
out_has "images                             40            0"
out_has "of the asked class"
out_has "3 nearest of the class"

# The same while a run trains; the best state is kept, a resumed run goes on.
try "$train" --quiet --threads 2 --out watched mnist data.path=real.npz \
    drift.generated=4 drift.positives=4 drift.negatives=0 \
    generator.hidden=4 run.steps=3 run.minutes=0 run.evaluate_every=2 \
    run.evaluate_count=20 run.evaluate_network=mnist-classifier
code_is 0
try "$train" --quiet --out unwatched mnist data.path=real.npz \
    run.evaluate_every=2
code_is 2
err_has "no network comes with the program for images of"
no_file unwatched
try "$train" --quiet --out unwatched mnist data.path=real.npz \
    run.evaluate_every=2 run.evaluate_network=no-such
code_is 1
err_has "run.evaluate_network: unable to open 'no-such'"
no_file unwatched
try "$train" --quiet --out unwatched mnist data.path=real.npz data.height=32 \
    data.width=32 run.evaluate_every=2 run.evaluate_network=mnist-judge
code_is 1
err_has "run.evaluate_network: "
no_file unwatched
try "$train" --quiet --out unwatched toy-moons run.evaluate_every=2 \
    run.evaluate_network=mnist-judge
code_is 2
err_has "are points, which no network looks at"
no_file unwatched
evaluations() { grep -c \
    '"evaluation":{"count":20,"network":"mnist-classifier","rank":' "$1"; }
is "evaluations at steps 2 and 3" 2 "$(evaluations watched/metrics.jsonl)"
try "$eval" --data real.npz --features mnist-classifier --count 20 --json \
    watched
code_is 0
is "distance of step 3" "$(sed -n 's/.*"evaluation".*"distance":\([0-9]*\).*/\1/p' \
    watched/metrics.jsonl | tail -n 1)" \
    "$(sed -n '/"samples"/,$s/.*"distance": \([0-9]*\).*/\1/p' out | head -n 1)"
try "$sample" --quiet --npz best.npz --count 1 \
    watched/checkpoints/best.safetensors
code_is 0
try "$train" --quiet --threads 2 --resume watched run.steps=4
code_is 0
is "evaluations at step 4, too" 3 "$(evaluations watched/metrics.jsonl)"
cp real.npz moved.npz && mv real.npz away.npz
try "$train" --quiet --threads 2 --resume watched data.path=moved.npz run.steps=6
code_is 0
mv away.npz real.npz && rm moved.npz
is "evaluations at step 6 beside moved data" 4 \
    "$(evaluations watched/metrics.jsonl)"

# Others' statistics in place of the real images, which need not be there.
try "$eval" --data real.npz --features mnist-classifier --json \
    --write-reference moments.npz made.npz
code_is 0
grep '"distance"' out | head -n 1 >wanted
out_has '"reference": null'
try "$eval" --features mnist-classifier --json --reference moments.npz made.npz
code_is 0
out_has '"reference": "moments.npz"'
out_has '"data": null'
grep '"distance"' out | head -n 1 >found
same wanted found
try "$eval" --features mnist-classifier --reference moments.npz made.npz
code_is 0
out_has "distance from mu and sigma of moments.npz"
usage "drift-eval: the table of a run's scores is of distances from the real\
 images, not from 'moments.npz'" "$eval" --all --features mnist-classifier \
    --reference moments.npz digits
mv watched elsewhere && mv real.npz away.npz
try "$eval" --features mnist-classifier --count 20 --reference moments.npz \
    elsewhere
code_is 0
err_has "warning: no training images:"
mv away.npz real.npz
try "$eval" --features mnist-judge --reference real.npz made.npz
code_is 1
err_has "'real.npz': it has no mu and sigma, nor ref_mu and ref_sigma"

# The network that comes for images of this name.
by_default() { # by_default DATA MADE NETWORK
    try "$eval" --quiet --data "$1" --json "$2"
    code_is 0
    out_has "\"network\": \"$3\""
    out_has '"accuracy": 0.' # it knows these classes
}
cp real.npz mnist.npz
by_default mnist.npz made.npz mnist-judge
cp real.npz fashion-mnist.npz
by_default fashion-mnist.npz made.npz fashion-judge
try "$train" --quiet --threads 2 --out colours mnist data.limit=100 \
    data.height=32 data.width=32 data.channels=3 drift.generated=4 \
    drift.positives=4 generator.hidden=4 run.steps=1
code_is 0
try "$sample" --quiet --threads 2 --npz cifar10.npz --count 40 colours
code_is 0
by_default cifar10.npz cifar10.npz cifar10-judge
usage "drift-eval: no network comes with the program for images of 'real.npz';\
 which is to look at them (drift-eval --features, run.evaluate_network)?" \
    "$eval" --data real.npz made.npz
usage "drift-eval: 'made.npz' is no run and no checkpoint; compared with which\
 real images?" "$eval" made.npz
usage "drift-eval: name a checkpoint, a run directory or images" "$eval"
usage "drift-eval: 'b' is too much: one thing to look at" "$eval" a b
try "$eval" --data real.npz --features nowhere made.npz
code_is 1
err_has "nowhere"
try "$eval" --data moons --features mnist-classifier made.npz
code_is 2
err_has "points"
try "$eval" --features mnist-classifier nowhere
code_is 1
err_has "nowhere"

# Pictures: of a model without alpha, and with; of images; of points below.
try "$eval" --data real.npz --features mnist-classifier --count 40 \
    --pictures model/pictures digits
code_is 0
png model/pictures/samples.png
png model/pictures/neighbours.png
png model/pictures/interpolation.png
no_file model/pictures/alpha.png
try "$train" --quiet --threads 2 --out guided mnist data.limit=100 \
    drift.generated=4 drift.positives=4 generator.hidden=4 run.steps=1 \
    generator.use_alpha=true
code_is 0
try "$eval" --data real.npz --features mnist-classifier --count 40 \
    --pictures guided/pictures guided
code_is 0
png guided/pictures/alpha.png
try "$eval" --data real.npz --features mnist-classifier --pictures file made.npz
code_is 0
png file/samples.png
png file/neighbours.png
no_file file/interpolation.png

# Points: no network, no figures of images.
try "$train" --quiet --threads 2 --out cloud toy-moons drift.generated=16 \
    drift.positives=16 generator.hidden=8 run.steps=2
code_is 0
try "$sample" --quiet --threads 2 --npz cloud.npz --count 50 cloud
code_is 0
try "$eval" --count 50 --json cloud
code_is 0
grep -v '"of"' out >model.json
try "$eval" --data moons --json cloud.npz
code_is 0
grep -v '"of"' out >file.json
what="figures of a toy's model and of its samples"
same model.json file.json
out_has '"network": null'
try "$eval" --count 50 cloud
code_is 0
out_has "real     400 training points of moons"
out_has "points                             50           50           50"
out_has "energy distance"
out_has "sliced Wasserstein-2"
grep -q "network\|precision" out && fail "figures of images are shown of points"
try "$eval" --quiet --count 50 --pictures cloud/pictures cloud
if [ "$code" = 0 ]; then
    png cloud/pictures/samples.png
else # a build without cairo says so
    code_is 1
    err_has "cairo"
fi
usage "drift-eval: 'digits' was trained without alpha (generator.use_alpha is\
 false)" "$eval" --features mnist-classifier --data real.npz --alpha 2 digits
usage "drift-eval: 'made.npz' are images; alpha and averaged weights are of\
 models" "$eval" --data real.npz --ema none made.npz
finish
