/* gate: y = x + gate[b,c] r[b,t,c]; without x: y = gate r. */

__kernel void gate_fwd(OUT(y), IN(x), IN(r), IN(gate), ulong samples,
                       ulong positions, ulong c)
{
    ulong t = get_global_id(1), b = get_global_id(2);
    if (t >= positions || b >= samples)
        return;
    AT(y), AT(x), AT(r), AT(gate);
    ulong first = (b * positions + t) * c;
    y += first;
    x += x ? first : 0;
    r += first;
    gate += b * c;
    EACH(k, c, y[k] = x ? x[k] + r[k] * gate[k] : r[k] * gate[k])
}

/* In one pass over dy: dx += dy, dr += gate dy, dgate += sum_t dy r; each of
 * them may be NULL. */
__kernel void gate_bwd(GRADIENT(dx), GRADIENT(dr), GRADIENT(dgate), IN(dy),
                       IN(r), IN(gate), ulong positions, ulong c)
{
    __local pair4 sums[GROUP];
    columns s = columns_of(positions, c, positions, 1);
    ulong k = s.map * c + s.i;
    pair4 dot = {0, 0};
    float4 factor = 0;
    AT(dx), AT(dr), AT(dgate), AT(dy), AT(r), AT(gate);
    if (s.left)
        factor = load4(gate + k, s.left);
    FOR_ROWS (s, t) {
        ulong i = (s.map * positions + t) * c + s.i;
        float4 value = load4(dy + i, s.left);
        if (dx)
            GIVE4(dx, i, value, s.left);
        if (dr)
            GIVE4(dr, i, value * factor, s.left);
        if (dgate)
            pair4_add(&dot, value * load4(r + i, s.left));
    }
    float4 total = column_pair_sum(dot, sums);
    if (dgate && get_local_id(1) == 0 && s.left)
        GIVE4(dgate, k, total, s.left);
}
