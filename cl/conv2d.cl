/* conv2d: windows of x laid out as rows of a matrix and back, for products by
 * gemm; and whole convolutions by plain sums, for groups and dilation. */

/* -- windows ---------------------------------------------------------------
 */

/* col[image,row,q,kh,kw*ci]: the numbers of x under each output pixel, zeros
 * in the padding; of `images` images from x on, output rows first ... first +
 * rows. An item takes one number of each row of taps; col has fewer than 2^31
 * numbers. */
__kernel void windows_fwd(OUT(col), IN(x), uint images, int first, int rows,
                          conv_shape z)
{
    uint taps = z.kw * z.ci, pixels = images * rows * z.ow;
    uint jc = get_global_id(0), pixel = get_global_id(1);
    if (jc >= taps || pixel >= pixels)
        return;
    AT(col), AT(x);
    uint line = pixel / z.ow, image = line / rows;
    int q = pixel % z.ow, r = first + (int)(line % rows);
    int j = jc / z.ci, c = jc % z.ci;
    int column = q * z.stride_w + j - z.pad_left;
    int row = r * z.stride_h - z.pad_top;
    int inside = column >= 0 && column < z.w;
    ulong at = (((ulong)image * z.h + row) * z.w + column) * z.ci + c;
    col += (ulong)pixel * z.kh * taps + jc;
    for (int i = 0; i < z.kh; i++) {
        int here = inside && row + i >= 0 && row + i < z.h;
        col[(ulong)i * taps] = here ? x[at + (ulong)i * z.w * z.ci] : 0;
    }
}

/* dx[image,h,w,ci] += the numbers of dcol that came from each pixel; for rows
 * `top` ... top + height of x. The taps of one pixel are `stride` apart. */
__kernel void windows_bwd(GRADIENT(dx), IN(dcol), uint images, int first,
                          int rows, int top, int height, conv_shape z)
{
    uint wide = z.w * z.ci;
    uint at = get_global_id(0), line = get_global_id(1);
    if (at >= wide || line >= images * height)
        return;
    AT(dx), AT(dcol);
    uint image = line / height;
    int c = at % z.ci;
    int row = top + (int)(line % height) + z.pad_top;
    int column = (int)(at / z.ci) + z.pad_left;
    int r0 = row / z.stride_h, q0 = column / z.stride_w;
    ulong taps = z.kh * z.kw * z.ci;
    float sum = 0;
    for (int i = row % z.stride_h, r = r0; i < z.kh && r >= first;
         i += z.stride_h, r--) {
        if (r >= first + rows)
            continue;
        ulong begin = ((ulong)image * rows + (r - first)) * z.ow;
        for (int j = column % z.stride_w, q = q0; j < z.kw && q >= 0;
             j += z.stride_w, q--)
            if (q < z.ow)
                sum += dcol[(begin + q) * taps + (i * z.kw + j) * z.ci + c];
    }
    ulong to = ((ulong)image * z.h + top + line % height) * wide + at;
    GIVE(dx, to, sum);
}

/* -- plain sums: any stride, dilation and groups ---------------------------
 */

/* y[n,oh,ow,co] */
__kernel void conv2d_fwd(OUT(y), IN(x), IN(w), ulong pixels, conv_shape z)
{
    int o = get_global_id(0);
    ulong pixel = get_global_id(1);
    if (o >= z.co || pixel >= pixels)
        return;
    AT(y), AT(x), AT(w);
    int cig = z.ci / z.groups, cog = z.co / z.groups;
    int q = pixel % z.ow, r = pixel / z.ow % z.oh;
    ulong image = pixel / z.ow / z.oh;
    float sum = 0;
    for (int i = 0; i < z.kh; i++) {
        int row = r * z.stride_h + i * z.dilation_h - z.pad_top;
        if (row < 0 || row >= z.h)
            continue;
        for (int j = 0; j < z.kw; j++) {
            int column = q * z.stride_w + j * z.dilation_w - z.pad_left;
            if (column < 0 || column >= z.w)
                continue;
            __global const float *from =
                x + ((image * z.h + row) * z.w + column) * z.ci + o / cog * cig;
            __global const float *by = w + (ulong)(i * z.kw + j) * cig * z.co;
            for (int c = 0; c < cig; c++)
                sum += from[c] * by[(ulong)c * z.co + o];
        }
    }
    y[pixel * z.co + o] = sum;
}

/* Which output of a line lies `by` before position `at` of the padded input,
 * -1 for none. */
static inline int output_of(int at, int by, int stride, int outputs)
{
    int from = at - by;
    if (stride == 1) /* dividing takes longer than all else */
        return from < outputs ? from : -1;
    return from < 0 || from % stride || from / stride >= outputs
               ? -1
               : from / stride;
}

/* dx[n,h,w,ci] */
__kernel void conv2d_bwd_x(GRADIENT(dx), IN(dy), IN(w), ulong pixels,
                           conv_shape z)
{
    int c = get_global_id(0);
    ulong pixel = get_global_id(1);
    if (c >= z.ci || pixel >= pixels)
        return;
    AT(dx), AT(dy), AT(w);
    int cig = z.ci / z.groups, cog = z.co / z.groups;
    int column = pixel % z.w + z.pad_left, row = pixel / z.w % z.h + z.pad_top;
    ulong image = pixel / z.w / z.h;
    float sum = 0;
    for (int i = 0; i < z.kh; i++) {
        int r = output_of(row, i * z.dilation_h, z.stride_h, z.oh);
        if (r < 0)
            continue;
        for (int j = 0; j < z.kw; j++) {
            int q = output_of(column, j * z.dilation_w, z.stride_w, z.ow);
            if (q < 0)
                continue;
            int first = c / cig * cog; /* of the group's outputs */
            __global const float *from =
                dy + ((image * z.oh + r) * z.ow + q) * z.co + first;
            __global const float *by =
                w + ((ulong)(i * z.kw + j) * cig + c % cig) * z.co + first;
            for (int o = 0; o < cog; o++)
                sum += from[o] * by[o];
        }
    }
    GIVE(dx, pixel * z.ci + c, sum);
}

/* sums[parts,kh,kw,ci/groups,co]: the gradient of w from every parts-th of
 * the output rows (n images' rows: `lines`). */
__kernel void conv2d_bwd_w(OUT(sums), IN(dy), IN(x), ulong lines, ulong parts,
                           conv_shape z)
{
    int o = get_global_id(0);
    int cig = z.ci / z.groups, cog = z.co / z.groups;
    ulong place = get_global_id(1), places = (ulong)z.kh * z.kw * cig;
    if (o >= z.co || place >= parts * places)
        return;
    AT(sums), AT(dy), AT(x);
    int tap = place % places / cig, i = tap / z.kw, j = tap % z.kw;
    int c = o / cog * cig + (int)(place % cig);
    float sum = 0;
    for (ulong line = place / places; line < lines; line += parts) {
        int row =
            (int)(line % z.oh) * z.stride_h + i * z.dilation_h - z.pad_top;
        if (row < 0 || row >= z.h)
            continue;
        __global const float *in =
            x + (line / z.oh * z.h + row) * z.w * z.ci + c;
        __global const float *out = dy + line * z.ow * z.co + o;
        for (int q = 0; q < z.ow; q++) {
            int column = q * z.stride_w + j * z.dilation_w - z.pad_left;
            if (column >= 0 && column < z.w)
                sum += out[(ulong)q * z.co] * in[(ulong)column * z.ci];
        }
    }
    sums[place * z.co + o] = sum;
}
