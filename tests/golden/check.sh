#!/bin/sh
# All reference values that the repository holds; and golden-check
# itself: it must notice a wrong number and a torn file.
status=0
check=tests/golden/golden-check
for set in jax torch torch/files; do
    $check "$srcdir/tests/golden/$set" || status=1
done

# expect CODE WORD ARGUMENTS...
expect() {
    code=$1 word=$2
    shift 2
    text=`$check "$@" 2>&1`
    got=$?
    if test $got != "$code"; then
        echo "golden-check $*: exit $got instead of $code"
        status=1
    fi
    case $text in
    *"$word"*) ;;
    *) echo "golden-check $*: no '$word' in: $text"; status=1 ;;
    esac
}

work=golden-check.tmp.$$
trap 'rm -rf $work' 0
mkdir $work $work/wrong $work/torn $work/empty
good=$srcdir/tests/golden/jax/post.safetensors
size=`wc -c <"$good"`
cp "$good" $work/wrong/ && chmod u+w $work/wrong/*
printf '\377\377\377\377' | dd of=$work/wrong/post.safetensors bs=1 \
    seek=`expr $size - 4` conv=notrunc 2>/dev/null
dd if="$good" of=$work/torn/post.safetensors bs=1 count=`expr $size - 4` \
    2>/dev/null
expect 1 "1 failed" $work/wrong
expect 1 "FAIL" $work/torn
expect 0 "0 passed, 0 failed" $work/empty
expect 1 "$work/none" $work/none
expect 2 "Usage" --what
expect 2 "Usage"
expect 3 "nonsense" --device nonsense $work/empty
exit $status
