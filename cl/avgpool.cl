/* avgpool: y [n,oh,ow,c] = the mean of each window of x [n,h,w,c], of the places
 * that are on the map. An item has four channels. */

/* Places [first,end) of the map that window `o` covers. */
static inline int2 places(ulong o, ulong size, pool_args args)
{
    int start = (int)o * args.stride - args.pad;
    return (int2)(max(start, 0), min(start + args.size, (int)size));
}

static inline float share_of(int2 down, int2 across)
{
    return 1 / (float)((down.y - down.x) * (across.y - across.x));
}

__kernel void avgpool_fwd(OUT(y), IN(x), ulong n, ulong h, ulong w, ulong c,
                          ulong oh, ulong ow, pool_args args)
{
    ulong k = 4 * get_global_id(0), column = get_global_id(1);
    ulong row = get_global_id(2), left = c - k;
    if (k >= c || column >= ow || row >= n * oh)
        return;
    uint image = (uint)row / (uint)oh;
    int2 down = places(row - image * oh, h, args);
    int2 across = places(column, w, args);
    float4 sum = 0;
    AT(y), AT(x);
    x += image * h * w * c + k;
    for (int i = down.x; i < down.y; i++)
        for (int j = across.x; j < across.y; j++)
            sum += load4(x + ((ulong)i * w + (ulong)j) * c, left);
    store4(y + (row * ow + column) * c + k, left,
           sum * share_of(down, across));
}

/* dx += a share of dy of the windows that cover it. */
__kernel void avgpool_bwd(GRADIENT(dx), IN(dy), ulong n, ulong h, ulong w,
                          ulong c, ulong oh, ulong ow, pool_args args)
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
    AT(dx), AT(dy);
    dy += image * oh * ow * c + k;
    for (uint o = top; o < oh && o * stride <= down; o++)
        for (uint p = first; p < ow && p * stride <= across; p++)
            sum += load4(dy + (o * ow + p) * c, left) *
                   share_of(places(o, h, args), places(p, w, args));
    GIVE4(dx, (row * w + column) * c + k, sum, left);
}
