/* gate: y = x + gate[b,c] r[b,t,c]; without x: y = gate r. */

__kernel void gate_fwd(OUT(y), IN(x), IN(r), IN(gate), ulong samples,
                       ulong positions, ulong c)
{
    ulong k = get_global_id(0), t = get_global_id(1), b = get_global_id(2);
    if (k >= c || t >= positions || b >= samples)
        return;
    AT(y), AT(x), AT(r), AT(gate);
    ulong i = (b * positions + t) * c + k;
    float product = r[i] * gate[b * c + k];
    y[i] = x ? x[i] + product : product;
}

/* In one pass over dy: dx += dy, dr += gate dy, dgate += sum_t dy r; each of
 * them may be NULL. */
__kernel void gate_bwd(GRADIENT(dx), GRADIENT(dr), GRADIENT(dgate), IN(dy),
                       IN(r), IN(gate), ulong positions, ulong c)
{
    __local pair4 sums[GROUP];
    ulong b = column_sample(c), k = column_first(c), count = c - k;
    pair4 dot = {0, 0};
    float4 factor = 0;
    AT(dx), AT(dr), AT(dgate), AT(dy), AT(r), AT(gate);
    if (k < c)
        factor = load4(gate + b * c + k, count);
    for (ulong t = get_local_id(1); k < c && t < positions;
         t += get_local_size(1)) {
        ulong i = (b * positions + t) * c + k;
        float4 value = load4(dy + i, count);
        if (dx)
            GIVE4(dx, i, value, count);
        if (dr)
            GIVE4(dr, i, value * factor, count);
        if (dgate)
            pair4_add(&dot, value * load4(r + i, count));
    }
    float4 total = column_sums(dot, sums);
    if (dgate && get_local_id(1) == 0 && k < c)
        GIVE4(dgate, b * c + k, total, count);
}
