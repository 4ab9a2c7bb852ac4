/* maxpool: y [n,oh,ow,c] = the largest number of each window of x [n,h,w,c],
 * index = which of the window it was: the first of the largest, the last NaN.
 * An item has four channels. */

static inline int4 load_index4(__global const int *x, ulong left)
{
    if (left >= 4)
        return vload4(0, x);
    return (int4)(left > 0 ? x[0] : 0, left > 1 ? x[1] : 0,
                  left > 2 ? x[2] : 0, 0);
}

static inline void store_index4(__global int *y, ulong left, int4 value)
{
    if (left >= 4) {
        vstore4(value, 0, y);
    } else {
        if (left > 0)
            y[0] = value.x;
        if (left > 1)
            y[1] = value.y;
        if (left > 2)
            y[2] = value.z;
    }
}

__kernel void maxpool_fwd(OUT(y), OUT_INDEX(index), IN(x), ulong n, ulong h,
                          ulong w, ulong c, ulong oh, ulong ow, pool_args args)
{
    ulong k = 4 * get_global_id(0), column = get_global_id(1);
    ulong row = get_global_id(2), left = c - k;
    if (k >= c || column >= ow || row >= n * oh)
        return;
    uint image = (uint)row / (uint)oh;
    /* The window's first place, and its places that are on the map. */
    int down = ((int)row - (int)(image * oh)) * args.stride - args.pad;
    int across = (int)column * args.stride - args.pad;
    int top = max(-down, 0), bottom = min((int)h - down, args.size);
    int first = max(-across, 0), end = min((int)w - across, args.size);
    float4 most = -INFINITY;
    int4 at = top * args.size + first;
    AT(y), AT(index), AT(x);
    x += image * h * w * c + k;
    for (int i = top; i < bottom; i++)
        for (int j = first; j < end; j++) {
            ulong place = (ulong)(down + i) * w + (ulong)(across + j);
            float4 value = load4(x + place * c, left);
            int4 more = value > most || isnan(value);
            most = select(most, value, more);
            at = select(at, (int4)(i * args.size + j), more);
        }
    y += (row * ow + column) * c + k;
    index += (row * ow + column) * c + k;
    store4(y, left, most);
    store_index4(index, left, at);
}

/* dx += dy of the windows of which it is the largest number. */
__kernel void maxpool_bwd(GRADIENT(dx), IN(dy), IN_INDEX(index), ulong n,
                          ulong h, ulong w, ulong c, ulong oh, ulong ow,
                          pool_args args)
{
    ulong k = 4 * get_global_id(0), column = get_global_id(1);
    ulong row = get_global_id(2), left = c - k;
    if (k >= c || column >= w || row >= n * h)
        return;
    uint image = (uint)row / (uint)h;
    uint stride = (uint)args.stride, size = (uint)args.size;
    /* From the padding on: the place, the first window that reaches it. */
    uint down = (uint)row - image * (uint)h + (uint)args.pad;
    uint across = (uint)column + (uint)args.pad;
    uint top = down < size ? 0 : (down - size) / stride + 1;
    uint first = across < size ? 0 : (across - size) / stride + 1;
    float4 sum = 0;
    AT(dx), AT(dy), AT(index);
    dy += image * oh * ow * c + k;
    index += image * oh * ow * c + k;
    for (uint o = top; o < oh && o * stride <= down; o++)
        for (uint p = first; p < ow && p * stride <= across; p++) {
            ulong i = (o * ow + p) * c;
            uint place = (down - o * stride) * size + across - p * stride;
            int4 mine = load_index4(index + i, left) == (int4)((int)place);
            sum += select((float4)(0.0f), load4(dy + i, left), mine);
        }
    GIVE4(dx, (row * w + column) * c + k, sum, left);
}
