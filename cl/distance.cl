/* distance: d[g,n,t] = |x[g,n,:] - y[g,t,:]|.
 *
 * Tiles of points lie in local memory and every pair is summed from its
 * differences. That costs one operation a product more than |x|^2 + |y|^2 -
 * 2 x.y and loses no digit, whether points are near each other or far from the
 * origin: neither is a mean taken off nor are near pairs done again.
 *
 * A group of TILE x TILE items does SIDE x SIDE pairs, an item 4 x 4. */

#define SIDE (4 * TILE)
#define PAD  (SIDE + 4) /* fewer items meet in one bank of local memory */

/* Tile `group` of matrices [rows,columns], one for each g: its first row and
 * column, and those of this item. */
typedef struct tile {
    ulong g, row, column, my_row, my_column;
} tile;

static inline tile tile_of(ulong rows, ulong columns)
{
    ulong down = (rows + SIDE - 1) / SIDE, across = (columns + SIDE - 1) / SIDE;
    ulong group = get_group_id(0);
    tile t;
    t.g = group / across / down;
    t.row = group / across % down * SIDE;
    t.column = group % across * SIDE;
    t.my_row = t.row + 4 * get_local_id(1);
    t.my_column = t.column + 4 * get_local_id(0);
    return t;
}

/* to[k][r] = coordinates `first` + k of the points from row on; 0 beyond the
 * ends. Items take four coordinates of one point. */
static inline void load_points(__local float *to, __global const float *x,
                               ulong row, ulong rows, ulong first, ulong d)
{
    int me = (int)(get_local_id(1) * TILE + get_local_id(0));
    int r = me / (TILE / 4), k = me % (TILE / 4) * 4;
    ulong at = first + k;
    float4 v = 0;
    if (row + r < rows && at < d)
        v = load4(x + (row + r) * d + at, d - at);
    to[k * PAD + r] = v.x;
    to[(k + 1) * PAD + r] = v.y;
    to[(k + 2) * PAD + r] = v.z;
    to[(k + 3) * PAD + r] = v.w;
}

static inline float4 square_of(float x, float4 y)
{
    float4 difference = x - y;
    return difference * difference;
}

__kernel void distance_fwd(OUT(d), IN(x), IN(y), ulong n, ulong t, ulong size)
{
    __local float xs[TILE * PAD], ys[TILE * PAD];
    tile p = tile_of(n, t);
    float4 all0 = 0, all1 = 0, all2 = 0, all3 = 0;
    AT(d), AT(x), AT(y);
    x += p.g * n * size;
    y += p.g * t * size;
    for (ulong first = 0; first < size; first += TILE) {
        /* Sums of sums: fewer roundings than one long sum. */
        float4 sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
        barrier(CLK_LOCAL_MEM_FENCE);
        load_points(xs, x, p.row, n, first, size);
        load_points(ys, y, p.column, t, first, size);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int k = 0; k < TILE; k++) {
            float4 a = vload4(get_local_id(1), xs + k * PAD);
            float4 b = vload4(get_local_id(0), ys + k * PAD);
            sum0 += square_of(a.x, b);
            sum1 += square_of(a.y, b);
            sum2 += square_of(a.z, b);
            sum3 += square_of(a.w, b);
        }
        all0 += sum0;
        all1 += sum1;
        all2 += sum2;
        all3 += sum3;
    }
    if (p.my_row >= n || p.my_column >= t)
        return;
    ulong down = n - p.my_row, left = t - p.my_column;
    d += (p.g * n + p.my_row) * t + p.my_column;
    store4(d, left, sqrt(all0));
    if (down > 1)
        store4(d + t, left, sqrt(all1));
    if (down > 2)
        store4(d + 2 * t, left, sqrt(all2));
    if (down > 3)
        store4(d + 3 * t, left, sqrt(all3));
}

/* to[k][r] = q of row `row` + r and column `first` + k, q = dd/d or 0 where
 * d = 0. Neighbouring items read neighbouring numbers: columns, or, where the
 * matrix is seen transposed, rows. */
static inline void load_slopes(__local float *to, __global const float *dd,
                               __global const float *d, ulong row, ulong rows,
                               ulong first, ulong columns, int transposed)
{
    int me = (int)(get_local_id(1) * TILE + get_local_id(0));
    for (int i = me; i < TILE * SIDE; i += TILE * TILE) {
        int r = transposed ? i % SIDE : i / TILE;
        int k = transposed ? i / SIDE : i % TILE;
        float q = 0;
        if (row + r < rows && first + k < columns) {
            ulong at = transposed ? (first + k) * rows + row + r
                                  : (row + r) * columns + first + k;
            q = d[at] > 0 ? dd[at] / d[at] : 0;
        }
        to[k * PAD + r] = q;
    }
}

/* to[k][i] = coordinate `first` + i of point `point` + k. */
static inline void load_coordinates(__local float *to, __global const float *y,
                                    ulong point, ulong points, ulong first,
                                    ulong size)
{
    int me = (int)(get_local_id(1) * TILE + get_local_id(0));
    for (int i = me; i < TILE * SIDE; i += TILE * TILE) {
        int k = i / SIDE, c = i % SIDE;
        int inside = point + k < points && first + c < size;
        to[k * PAD + c] = inside ? y[(point + k) * size + first + c] : 0;
    }
}

/* dx[g,n,:] += sum over t of q[g,n,t] (x[g,n,:] - y[g,t,:]). The same with the
 * two sets exchanged and dd, d [t,n] seen transposed is the gradient of y. */
__kernel void distance_bwd(GRADIENT(dx), IN(dd), IN(d), IN(x), IN(y), ulong n,
                           ulong t, ulong size, int transposed)
{
    __local float qs[TILE * PAD], ys[TILE * PAD];
    tile p = tile_of(n, size);
    ulong left = p.my_column < size ? size - p.my_column : 0;
    ulong down = p.my_row < n ? n - p.my_row : 0;
    float4 x0 = 0, x1 = 0, x2 = 0, x3 = 0;
    float4 all0 = 0, all1 = 0, all2 = 0, all3 = 0;
    AT(dx), AT(dd), AT(d), AT(x), AT(y);
    dd += p.g * n * t;
    d += p.g * n * t;
    y += p.g * t * size;
    ulong at = (p.g * n + p.my_row) * size + p.my_column;
    if (down > 0)
        x0 = load4(x + at, left);
    if (down > 1)
        x1 = load4(x + at + size, left);
    if (down > 2)
        x2 = load4(x + at + 2 * size, left);
    if (down > 3)
        x3 = load4(x + at + 3 * size, left);
    for (ulong first = 0; first < t; first += TILE) {
        barrier(CLK_LOCAL_MEM_FENCE);
        load_slopes(qs, dd, d, p.row, n, first, t, transposed);
        load_coordinates(ys, y, first, t, p.column, size);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int k = 0; k < TILE; k++) {
            float4 q = vload4(get_local_id(1), qs + k * PAD);
            float4 b = vload4(get_local_id(0), ys + k * PAD);
            all0 += q.x * (x0 - b);
            all1 += q.y * (x1 - b);
            all2 += q.z * (x2 - b);
            all3 += q.w * (x3 - b);
        }
    }
    if (down > 0)
        GIVE4(dx, at, all0, left);
    if (down > 1)
        GIVE4(dx, at + size, all1, left);
    if (down > 2)
        GIVE4(dx, at + 2 * size, all2, left);
    if (down > 3)
        GIVE4(dx, at + 3 * size, all3, left);
}
