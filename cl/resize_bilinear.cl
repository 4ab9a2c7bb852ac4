/* resize_bilinear: y = D x A^T for each channel of [n,h,w,c], D and A sparse
 * matrices of the two dimensions. Their rows are zero but for a run: first
 * [to], count [to], weight [to,room].
 *
 * The weight of input i for output o is max(0, 1 - |o' - i| / k), made to sum
 * to 1, with o' = (o + 1/2) from/to - 1/2 (or o (from-1)/(to-1),
 * align_corners) and k = 1, or from/to where antialias shrinks. Without
 * antialias o' is held inside the image first. All of that in whole numbers:
 * o' = at / unit, and the weight is (reach - |at - i unit|) / reach. */

typedef struct line {
    long to, from, unit, reach;
    resize_args args;
} line;

static line line_of(ulong to, ulong from, resize_args args)
{
    line l = {(long)to, (long)from, 2 * (long)to, 2 * (long)to, args};
    if (args.align_corners)
        l.unit = l.reach = max(l.to - 1, 1L);
    else if (args.antialias)
        l.reach = 2 * max(l.to, l.from);
    return l;
}

static long line_at(line l, long o)
{
    long at = (2 * o + 1) * l.from - l.to;
    if (l.args.align_corners)
        at = o * (l.from - 1);
    return l.args.antialias ? at : clamp(at, 0L, (l.from - 1) * l.unit);
}

/* reach times the weight before it is made to sum to 1; 0 = not in the run. */
static long line_weight(line l, long at, long i)
{
    return max(l.reach - (long)abs(at - i * l.unit), 0L);
}

/* The first input with a weight, and the one after the last. */
static long line_first(line l, long at)
{
    return at < l.reach ? 0 : (at - l.reach) / l.unit + 1;
}

static long line_end(line l, long at)
{
    return min((at + l.reach - 1) / l.unit + 1, l.from);
}

static float line_share(line l, long at, long i)
{
    long sum = 0;
    for (long k = line_first(l, at); k < line_end(l, at); k++)
        sum += line_weight(l, at, k);
    return (float)line_weight(l, at, i) / (float)sum;
}

/* The row of output o. */
__kernel void resize_band(OUT_INDEX(first), OUT_INDEX(count), OUT(weight),
                          ulong to, ulong from, ulong room, resize_args args)
{
    long o = get_global_id(0);
    if (o >= (long)to)
        return;
    line l = line_of(to, from, args);
    long at = line_at(l, o), start = line_first(l, at);
    AT(first), AT(count), AT(weight);
    first[o] = (int)start;
    count[o] = (int)(line_end(l, at) - start);
    for (long k = 0; k < count[o]; k++)
        weight[o * room + k] = line_share(l, at, start + k);
}

/* The row of input i of the transposed matrix: runs move on with o, so the
 * outputs that i has a weight for are a run, too, found by bisection. */
__kernel void resize_band_back(OUT_INDEX(first), OUT_INDEX(count), OUT(weight),
                               ulong to, ulong from, ulong room,
                               resize_args args)
{
    long i = get_global_id(0);
    if (i >= (long)from)
        return;
    line l = line_of(to, from, args);
    long start = 0, end = l.to, top = l.to;
    AT(first), AT(count), AT(weight);
    while (start < top) { /* the first o whose run ends after i */
        long o = (start + top) / 2;
        if (line_end(l, line_at(l, o)) > i)
            top = o;
        else
            start = o + 1;
    }
    top = start;
    while (top < end) { /* the first o whose run begins after i */
        long o = (top + end) / 2;
        if (line_first(l, line_at(l, o)) > i)
            end = o;
        else
            top = o + 1;
    }
    first[i] = (int)start;
    count[i] = (int)(end - start);
    for (long k = 0; k < end - start; k++)
        weight[i * room + k] = line_share(l, line_at(l, start + k), i);
}

/* y [n,down_to,across_to,c] += or = the two matrices applied to
 * x [n,down_from,across_from,c]. Maps are the lines of y (ocl_columns). */
__kernel void resize_apply(GRADIENT(y), IN(x), IN_INDEX(down_first),
                           IN_INDEX(down_count), IN(down_weight),
                           IN_INDEX(across_first), IN_INDEX(across_count),
                           IN(across_weight), ulong across_to, ulong c,
                           ulong step, ulong chunks, ulong across_from,
                           ulong down_to, ulong down_from, ulong down_room,
                           ulong across_room)
{
    columns s = columns_of(across_to, c, step, chunks);
    AT(y), AT(x), AT(down_first), AT(down_count), AT(down_weight);
    AT(across_first), AT(across_count), AT(across_weight);
    ulong o = s.map % down_to;
    down_weight += o * down_room;
    x += (s.map / down_to * down_from + down_first[o]) * across_from * c + s.i;
    for (ulong j = s.row; j < s.end; j += get_local_size(1)) {
        __global const float *from = x + across_first[j] * c;
        float4 sum = 0;
        for (int a = 0; a < down_count[o]; a++) {
            float4 part = 0;
            for (int b = 0; b < across_count[j]; b++)
                part += across_weight[j * across_room + b] *
                        load4(from + (a * across_from + b) * c, s.left);
            sum += down_weight[a] * part;
        }
        GIVE4(y, (s.map * across_to + j) * c + s.i, sum, s.left);
    }
}
