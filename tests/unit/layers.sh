#!/bin/sh
# A part of src/ includes only parts that stand before it, and itself; `shared`
# is cl/shared.
top=${abs_top_srcdir:-.}
order="shared base ops cpu ocl tape formats nn drift data plot eval train tools"
status=0
before=
for part in $order; do
    before="$before $part"
    [ -d "$top/src/$part" ] || continue
    used=$(sed -n 's|^#include "\([a-z]*\)/.*|\1|p' "$top/src/$part"/*.[ch] |
        sort -u)
    for other in $used; do
        case " $before " in
        *" $other "*) ;;
        *)
            echo "src/$part includes $other/, which stands after it:"
            grep -n "^#include \"$other/" "$top/src/$part"/*.[ch]
            status=1
            ;;
        esac
    done
done
exit $status
