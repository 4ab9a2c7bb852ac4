#!/bin/sh
# drift-convert: what it lists, writes and refuses. What is inside the files is
# looked at by tests/unit/torch and tests/unit/formats.
. "${abs_top_srcdir:-.}/tests/cli/lib.sh"
convert=$build/src/drift-convert
weights=$top/data/weights/cifar10-resnet20.safetensors
files=$top/tests/golden/torch/files

try "$convert" "$weights"
code_is 0
err_empty
out_has "F32  [16,3,3,3] conv1.weight"
sort out >names

# There and back.
try "$convert" "$weights" r.pth
code_is 0
out_empty
err_has "drift-convert: warning: 'arch' of the metadata is left out: torch \
files have none"
what="a key that all files have"
grep -q "'format'" err && fail "told" || pass
try "$convert" r.pth
code_is 0
sort out >found
what="the names of r.pth"
same names found
try "$convert" r.pth R.SafeTensors
code_is 0
try "$convert" R.SafeTensors again.pt
code_is 0
try "$convert" again.pt again.safetensors
code_is 0
what="there and back twice"
same R.SafeTensors again.safetensors
grep -q '"format":"pt"' again.safetensors && pass || fail "no format"
try "$convert" r.pth r.pth
code_is 0
try "$convert" r.pth
sort out >found
what="a file over itself"
same names found

# What the program wrote, with what it says of itself, and without.
cp "$top/data/weights/mnist-classifier.safetensors" c.safetensors
try "$convert" c.safetensors copy.safetensors
code_is 0
err_empty
grep -q 'drift.encoder' copy.safetensors && pass || fail "no metadata"
try "$convert" copy.safetensors c.th
code_is 0
err_is "drift-convert: warning: 'drift.encoder' of the metadata is left out: \
torch files have none"

# Files of torch itself: the same tensors after they went through.
for file in "$files"/legacy_*.pth "$files"/zip_[mnst]*.pth \
    "$files"/latent_*.pt "$files"/st_*.safetensors; do
    case $file in */st_no_tensors*) continue ;; esac
    try "$convert" "$file"
    code_is 0
    sort out >names
    try "$convert" "$file" t.safetensors
    code_is 0
    try "$convert" t.safetensors t.pth
    code_is 0
    try "$convert" t.pth
    sort out >found
    what=$file
    [ -s names ] || fail "nothing is listed"
    same names found
done

# Flax: what its arrays are is the same after both ways.
if ! "$info" --json | grep '"libraries"' | grep -q msgpack; then
    pass
elif try "$convert" "$top/tests/golden/jax/forms.msgpack" && [ "$code" = 0 ]; then
    sort out >names
    try "$convert" "$top/tests/golden/jax/forms.msgpack" f.safetensors
    code_is 0
    try "$convert" f.safetensors
    sort out >found
    what="forms.msgpack"
    same names found
else
    fail "not listed"
fi

# What is refused leaves nothing, and what was there.
rm -f t.pth t.safetensors
mkdir kept
echo old >kept/t.pth
printf '\110\0\0\0\0\0\0\0%-72s\1\2' \
    '{"a":{"dtype":"U16","shape":[1],"data_offsets":[0,2]}}' >u.safetensors
try "$convert" u.safetensors
code_is 0
out_is "U16  [1] a"
try "$convert" u.safetensors kept/t.pth
code_is 1
err_is "drift-convert: 'kept/t.pth': torch files have no tensors of type U16, \
as 'a' is"
what="what was there"
[ "$(cat kept/*)" = old ] && pass || fail "$(ls kept)"
printf '\110\0\0\0\0\0\0\0%-72s\1\2' \
    '{"\u001b[2J\n":{"dtype":"U16","shape":[1],"data_offsets":[0,2]}}' \
    >u.safetensors
try "$convert" u.safetensors
out_is 'U16  [1] \x1b[2J\x0a'
for file in bad_pth_os_system.pth bad_legacy_truncated.pth bad_st_dup.safetensors; do
    try "$convert" "$files/$file" t.safetensors
    code_is 1
    err_has "drift-convert: '$files/$file': "
done
try "$convert" absent.pth t.safetensors
code_is 1
err_has "absent.pth"
try "$convert" r.pth absent/t.pth
code_is 1
err_has "absent/t.pth"
if [ -w /dev/full ]; then
    what="a full disk"
    "$convert" r.pth >/dev/full 2>err
    code=$?
    : >out
    code_is 1
fi
usage "drift-convert: name a file of weights" "$convert"
usage "drift-convert: 't.npz' ends in none of .safetensors, .pth, .pt, .th" \
    "$convert" r.pth t.npz
usage "drift-convert: '.pth' ends in none of .safetensors, .pth, .pt, .th" \
    "$convert" r.pth .pth
usage "drift-convert: 'c' is too much: INPUT and OUTPUT" \
    "$convert" a.pth b.pth c
finish
