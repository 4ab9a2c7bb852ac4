#!/bin/sh
# drift-eval --all and --compare: the table of a run, whole at any time and the
# same however it came about; what is refused.
. "${abs_top_srcdir:-.}/tests/cli/lib.sh"
XDG_CACHE_HOME=$work/cache
export XDG_CACHE_HOME

run() { # run DIR STEPS KEY=VALUE...
    dir=$1 steps=$2
    shift 2
    try "$train" --quiet --threads 1 --out "$dir" mnist data.limit=100 \
        drift.generated=4 drift.positives=4 generator.hidden=4 run.steps="$steps" \
        run.save_every=1 "$@"
    code_is 0
}
all() { # all ARGUMENT...
    try "$eval" --all --quiet --threads 1 --data 're,a"l.npz' \
        --features mnist-classifier --count 40 "$@"
}
rows() { # rows NUMBER FILE
    what="rows of $2"
    if [ "$(wc -l <"$2")" = $(($1 + 1)) ]; then pass; else fail "not $1"; fi
}
run digits 3 run.keep_last=9
try "$sample" --quiet --threads 1 --npz 're,a"l.npz' --count 60 --seed 7 digits
code_is 0

# A row a checkpoint, oldest first, in the figures that one alone has.
all digits
code_is 0
out_has "run      digits, ema.0.99, 40 samples a checkpoint, alpha 1, seed 0"
out_has "real     training images of re,a\"l.npz"
out_has "noise"
table=digits/evaluation/metrics.csv
rows 3 $table
cp $table whole.csv
head -n 1 $table >out
out_has "checkpoint,step,images,seconds,weights,alpha,seed,network,resize,data,\
count,accuracy,distance,kernel,"
sed -n 's/^\(step-[0-9]*.safetensors,[0-9]*,[0-9]*\),.*/\1/p' $table >out
out_is "step-000001.safetensors,1,40
step-000002.safetensors,2,80
step-000003.safetensors,3,120"
grep -F ',ema.0.99,1,0,mnist-classifier,,"re,a""l.npz",40,' $table >out
[ "$(wc -l <out)" = 3 ] && pass || fail "settings are not in each row"
try "$eval" --quiet --threads 1 --data 're,a"l.npz' --json --count 40 \
    --features mnist-classifier digits/checkpoints/step-000002.safetensors
code_is 0
# The two are written with as many digits as each wants: equal as numbers.
nearest=$(sed -n '/"samples"/,/"nearest"/s/.*"nearest": \([0-9.][0-9.]*\).*/\1/p' out)
what="nearest of step 2, and no figures of points"
sed -n 's/^step-000002.*,\([0-9.][0-9.]*\),,$/\1/p' $table |
    awk -v alone="${nearest:-none}" '$1 == alone + 0 { equal++ }
        END { exit equal != 1 }' && pass || fail "$nearest is not in the table"
case $("$info" --json | grep '"libraries"') in
*cairo*) png digits/evaluation/distance_vs_step.png ;;
esac

# Once more all the same: rows are replaced; and none is scored again.
all digits
code_is 0
what="a second time"
same $table whole.csv
sed 's/^\(step-000002.*\),[^,]*$/\1,7.5/' whole.csv >$table
cp $table mark.csv
all --skip-existing digits
code_is 0
what="rows that are there"
same $table mark.csv
all digits
same $table whole.csv
# Nor is a row of that name and step taken for this checkpoint's, if training
# took another time to it.
sed 's/^\(step-000002.safetensors,2,80\),[^,]*/\1,7.5/' whole.csv >$table
all --skip-existing digits
what="a checkpoint of another run"
same $table whole.csv

# A row that is missing, wherever it is; a run that goes on between.
sed 3d whole.csv >$table
all --skip-existing digits
code_is 0
what="a row that was missing"
same $table whole.csv
run grown 1 run.keep_last=9
all grown
code_is 0
rows 1 grown/evaluation/metrics.csv
try "$train" --quiet --threads 1 --resume grown run.steps=3
code_is 0
all --skip-existing grown
code_is 0
rows 3 grown/evaluation/metrics.csv
cp grown/evaluation/metrics.csv two.csv
rm -r grown/evaluation
all grown
code_is 0
what="scored in two goes"
same two.csv grown/evaluation/metrics.csv

# Killed once there is a row.
rm -r digits/evaluation
"$eval" --all --quiet --threads 1 --data 're,a"l.npz' --count 40 \
    --features mnist-classifier digits >out 2>err &
killed=$!
while [ ! -s $table ] && kill -0 $killed 2>/dev/null; do :; done
kill -9 $killed 2>/dev/null
wait $killed 2>/dev/null
what="what a killed process left"
head -n "$(wc -l <$table)" whole.csv >part.csv
same $table part.csv
all --skip-existing digits
code_is 0
what="after a kill"
same $table whole.csv

# Other settings are other rows; the table that is shown is of these alone.
all --ema none --seed 3 --skip-existing digits
code_is 0
rows 6 $table
what="rows of other settings"
head -n 4 $table >part.csv
same part.csv whole.csv
out_has "run      digits, model, 40 samples a checkpoint, alpha 1, seed 3"
grep -c '^[123] ' out >count
what="rows shown"
[ "$(cat count)" = 3 ] && pass || fail "not 3"
all --out elsewhere --json digits
code_is 0
out_has '"checkpoint": "step-000001.safetensors"'
out_has '"noise": {'
what="another folder"
same elsewhere/metrics.csv whole.csv
cp whole.csv $table

# A second name is no second checkpoint, but may be the last that there is.
ln grown/checkpoints/step-000002.safetensors grown/checkpoints/best.safetensors
all --out best grown
code_is 0
what="a second name"
same best/metrics.csv two.csv
rm grown/checkpoints/step-000002.safetensors
all --out best --skip-existing grown
code_is 0
same best/metrics.csv two.csv
all --out best grown
code_is 0
sed 's/^step-000002/best/' two.csv >renamed.csv
same best/metrics.csv renamed.csv

# A run without numbered checkpoints has its latest.
run few 3 run.keep_last=0
all few
code_is 0
rows 1 few/evaluation/metrics.csv
what="the latest"
grep -q '^latest.safetensors,3,120,' few/evaluation/metrics.csv && pass ||
    fail "not there"

# A run that is begun anew has none of the old one's scores.
mkdir forced
cp -r few/* forced
try "$train" --quiet --threads 1 --force --out forced ./toy.yaml
code_is 0
no_file forced/evaluation/metrics.csv

# Runs beside each other.
try "$eval" --compare digits few
code_is 0
out_has "best step"
out_has "digits "
out_has "few "
case $("$info" --json | grep '"libraries"') in
*cairo*)
    out_has "picture  compare.png"
    png compare.png
    try "$eval" --compare --out pictures/runs digits few
    code_is 0
    png pictures/runs/compare.png
    try "$eval" --compare --out other.png digits
    code_is 0
    png other.png
    ;;
esac
try "$eval" --compare --json digits few elsewhere/metrics.csv
code_is 0
out_has '"run": "few"'
out_has '"run": "elsewhere/metrics.csv"'
out_has '"checkpoint": "latest.safetensors"'
# The best is that of the least distance.
awk -F, -v OFS=, 'NR > 1 { $14 = 10 - NR } { print }' whole.csv >best.csv
what="best step"
"$eval" --compare best.csv >out 2>err && grep -q '^best.csv  *3 ' out && pass ||
    fail "not 3"
sed 's/mnist-classifier/mnist-judge/' whole.csv >judge.csv
try "$eval" --compare digits judge.csv
code_is 0
err_has "'digits' and 'judge.csv' do not compare: they were scored with another\
 network"
# Of a table of several settings the last stands for it, or those that are named.
sed '1d; s/,1,0,mnist-judge,,/,1.2000000476837158,3,mnist-judge,clean,/; s/"re,a""l.npz"/x/
    s/ema.0.99/model/' judge.csv >other.csv
{ cat whole.csv; sed 1d judge.csv; cat other.csv; } >several.csv
rows=$(($(wc -l <whole.csv) - 1))
chosen() { # chosen TEXT OPTION...: this stands in all rows and in the best one
    text=$1
    shift
    try "$eval" --compare --json "$@" several.csv
    code_is 0
    is "rows of $*" $((rows + 1)) "$(grep -c "$text" out)"
    is "all rows of $*" $((rows + 1)) "$(grep -c '"network"' out)"
}
chosen '"resize": "clean"'
chosen '"resize": "clean"' --features mnist-judge
chosen '"network": "mnist-classifier"' --features mnist-classifier
chosen '"seed": 0' --seed 0
chosen '"seed": 3' --seed 3
chosen '"alpha": 1.0' --alpha 1
chosen '"alpha": 1.2' --alpha 1.2
chosen '"resize": "clean"' --resize clean
chosen '"data": "x"' --data x
chosen '"data": "re,a' --data 're,a"l.npz'
chosen '"weights": "ema.0.99"' --ema 0.99
chosen '"weights": "ema.0.99"' --ema ema.0.99
chosen '"weights": "model"' --ema none
chosen '"count": 40' --count 40
try "$eval" --compare --seed 0 several.csv
code_is 0
out_has "scores   ema.0.99, 40 samples a checkpoint, alpha 1, seed 0"
out_has "network  mnist-judge"
try "$eval" --compare --features mnist-classifier --count 99 several.csv
code_is 2
err_has "'several.csv' has no scores of these settings; it has:\
 mnist-classifier, data re,a\"l.npz, 40 samples, ema.0.99, alpha 1, seed 0;\
 mnist-judge, data re,a\"l.npz, 40 samples, ema.0.99, alpha 1, seed 0;\
 mnist-judge, resize clean, data x, 40 samples, model, alpha 1.2, seed 3"

# What is refused.
run bare 1
try "$eval" --compare digits bare
code_is 1
err_has "drift-eval --all 'bare'"
bad() { # bad TEXT SCRIPT: a table that `sed SCRIPT` makes of the good one
    sed "$2" whole.csv >bad.csv
    try "$eval" --compare bad.csv
    code_is 1
    err_has "'bad.csv', line $1"
    out_empty
}
bad "1: column 2 is 'stride'; wanted 'step'" '1s/step/stride/'
bad "3: 'step' is 'x2'; wanted a whole number" \
    '3s/safetensors,2/safetensors,x2/'
bad "3: 'sliced' is '1 2'; wanted a number or nothing" '3s/,[^,]*$/,1 2/'
bad "2 has fewer columns than" '2s/,[^,]*$//'
bad "4 has more columns than" '4s/$/,1/'
bad "2: 'checkpoint' has a quote amid its text" '2s/-/"/'
bad "3: 'count' has a quote amid its text" '3s/"re/re/'
bad "4 is cut off" '4s/npz",/npz,/'
printf 'checkpoint,step' >bad.csv
try "$eval" --compare bad.csv
code_is 1
err_has "'bad.csv', line 1 is cut off"
cp bad.csv $table
all digits
code_is 1
err_has "'$table', line 1"
what="a malformed table"
same $table bad.csv
usage "drift-eval: 're,a\"l.npz' is no run directory, all of whose checkpoints\
 could be scored" "$eval" --all --data 're,a"l.npz' 're,a"l.npz'
usage "drift-eval: --skip-existing needs --all" "$eval" --skip-existing digits
usage "drift-eval: --pictures are of one model" "$eval" --all --pictures d digits
usage "drift-eval: --out needs --all or --compare" "$eval" --out x digits
usage "drift-eval: --compare shows what --all has scored: not with --all,\
 --reference, --write-reference" "$eval" --compare --all digits
usage "drift-eval: name run directories" "$eval" --compare
try "$eval" --compare --reference a digests
code_is 2
err_has "--compare shows what --all has scored"
usage "drift-eval: --write-reference is of one evaluation" \
    "$eval" --all --write-reference a digits
finish
