/* gate: y = x + gate[b,c] r[b,t,c]; without x: y = gate r. */

__kernel void gate_fwd(OUT(y), IN(x), IN(r), IN(gate), ulong n,
                       ulong positions, ulong c)
{
    ulong i = get_global_id(0);
    digits d = digits_of_item();
    ulong k = next_digit(&d, c);
    next_digit(&d, positions);
    ulong b = last_digit(&d);
    if (i >= n)
        return;
    AT(y), AT(x), AT(r), AT(gate);
    float product = r[i] * gate[b * c + k];
    y[i] = x ? x[i] + product : product;
}

/* In one pass over dy: dx += dy, dr += gate dy, dgate += sum_t dy r; each of
 * them may be NULL. */
__kernel void gate_bwd(GRADIENT(dx), GRADIENT(dr), GRADIENT(dgate), IN(dy),
                       IN(r), IN(gate), ulong positions, ulong c)
{
    __local float2 sums[GROUP];
    ulong b = column_sample(c), k = column_number(c);
    float2 dot = 0;
    AT(dx), AT(dr), AT(dgate), AT(dy), AT(r), AT(gate);
    float factor = k < c ? gate[b * c + k] : 0;
    for (ulong first = 0; first < positions; first += get_local_size(1)) {
        ulong t = first + get_local_id(1);
        if (t < positions && k < c) {
            ulong i = (b * positions + t) * c + k;
            float dyi = dy[i];
            if (dx)
                GIVE(dx, i, dyi);
            if (dr)
                GIVE(dr, i, dyi * factor);
            if (dgate)
                dot = pair_add(dot, dyi * r[i]);
        }
    }
    float total = column_sum(dot, sums);
    if (dgate && get_local_id(1) == 0 && k < c)
        GIVE(dgate, b * c + k, total);
}
