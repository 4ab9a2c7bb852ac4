/* conv2d: windows of x laid out as rows of a matrix and back, for products by
 * gemm; whole convolutions by sums of 16 channels at a time, where there are
 * few of them, and by plain sums, for groups and dilation. */
#pragma OPENCL FP_CONTRACT ON /* products and sums alone */

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

/* -- sums of 16 channels ---------------------------------------------------
 */

#define PIXELS 4 /* of a row, an item */

#define GIVE16(y, i, value)                                                    \
    vstore16(y##_add ? vload16(0, y + (i)) + (value) : (value), 0, y + (i))

/* y[lines,ow,co], a line is a row of an image's output; co is a multiple of
 * 16. An item makes 16 channels of PIXELS neighbours: what it reads of w serves
 * all of them. `back`: the taps of w in reverse, as the gradient of x has them
 * (src/ocl/conv2d.c). */
__kernel void conv2d_fwd_16(GRADIENT(y), IN(x), IN(w), ulong lines, int back,
                            conv_shape z)
{
    int o = 16 * get_global_id(0), q = PIXELS * get_global_id(1);
    ulong line = get_global_id(2);
    if (o >= z.co || q >= z.ow || line >= lines)
        return;
    AT(y), AT(x), AT(w);
    int taps = z.kh * z.kw, step = z.stride_w * z.ci;
    int top = (int)(line % z.oh) * z.stride_h - z.pad_top;
    x += line / z.oh * z.h * z.w * z.ci;
    w += o;
    float16 sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
    for (int tap = 0; tap < taps; tap++) {
        int row = top + tap / z.kw;
        int p0 = q * z.stride_w + tap % z.kw - z.pad_left;
        int p1 = p0 + z.stride_w, p2 = p1 + z.stride_w, p3 = p2 + z.stride_w;
        int in0 = p0 >= 0 && p0 < z.w, in1 = p1 >= 0 && p1 < z.w;
        int in2 = p2 >= 0 && p2 < z.w, in3 = p3 >= 0 && p3 < z.w;
        if (row < 0 || row >= z.h)
            continue;
        __global const float *from = x + ((long)row * z.w + p0) * z.ci;
        __global const float *by =
            w + (ulong)(back ? taps - 1 - tap : tap) * z.ci * z.co;
        for (int c = 0; c < z.ci; c++, from++, by += z.co) {
            float16 b = vload16(0, by);
            sum0 += (in0 ? from[0] : 0) * b;
            sum1 += (in1 ? from[step] : 0) * b;
            sum2 += (in2 ? from[2 * step] : 0) * b;
            sum3 += (in3 ? from[3 * step] : 0) * b;
        }
    }
    y += (line * z.ow + q) * z.co + o;
    GIVE16(y, 0, sum0);
    if (q + 1 < z.ow)
        GIVE16(y, z.co, sum1);
    if (q + 2 < z.ow)
        GIVE16(y, 2 * z.co, sum2);
    if (q + 3 < z.ow)
        GIVE16(y, 3 * z.co, sum3);
}

/* sums[parts,kh,kw,ci,co]: the gradient of w from every parts-th line; ci is a
 * multiple of 4, co of 16. An item sums 4 by 16 numbers of a tap. */
__kernel void conv2d_bwd_w_16(OUT(sums), IN(dy), IN(x), ulong lines,
                              ulong parts, conv_shape z)
{
    int o = 16 * get_global_id(0), quads = z.ci / 4;
    ulong place = get_global_id(1), places = (ulong)z.kh * z.kw * quads;
    ulong part = get_global_id(2);
    if (o >= z.co || place >= places || part >= parts)
        return;
    AT(sums), AT(dy), AT(x);
    int tap = place / quads, c = 4 * (place % quads);
    int i = tap / z.kw, j = tap % z.kw;
    float16 sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
    for (ulong line = part; line < lines; line += parts) {
        int row = (int)(line % z.oh) * z.stride_h + i - z.pad_top;
        if (row < 0 || row >= z.h)
            continue;
        __global const float *in =
            x + (line / z.oh * z.h + row) * z.w * z.ci + c;
        __global const float *out = dy + line * z.ow * z.co + o;
        for (int q = 0; q < z.ow; q++, out += z.co) {
            int column = q * z.stride_w + j - z.pad_left;
            if (column < 0 || column >= z.w)
                continue;
            float4 a = vload4(0, in + (ulong)column * z.ci);
            float16 b = vload16(0, out);
            sum0 += a.x * b;
            sum1 += a.y * b;
            sum2 += a.z * b;
            sum3 += a.w * b;
        }
    }
    sums += ((part * z.kh * z.kw + tap) * z.ci + c) * z.co + o;
    vstore16(sum0, 0, sums);
    vstore16(sum1, 0, sums + z.co);
    vstore16(sum2, 0, sums + 2 * z.co);
    vstore16(sum3, 0, sums + 3 * z.co);
}

/* The same for at most 4 output channels and ci a multiple of 16; w is turned:
 * [kh,kw,co,ci]. An item has a pixel. */
__kernel void conv2d_fwd_thin(OUT(y), IN(x), IN(w), ulong lines, conv_shape z)
{
    int q = get_global_id(0);
    ulong line = get_global_id(1);
    if (q >= z.ow || line >= lines)
        return;
    AT(y), AT(x), AT(w);
    int top = (int)(line % z.oh) * z.stride_h - z.pad_top;
    int left = q * z.stride_w - z.pad_left;
    x += line / z.oh * z.h * z.w * z.ci;
    float16 sum[4] = {0, 0, 0, 0};
    for (int tap = 0; tap < z.kh * z.kw; tap++, w += z.co * z.ci) {
        int row = top + tap / z.kw, column = left + tap % z.kw;
        if (row < 0 || row >= z.h || column < 0 || column >= z.w)
            continue;
        __global const float *from = x + ((ulong)row * z.w + column) * z.ci;
        for (int c = 0; c < z.ci; c += 16) {
            float16 a = vload16(0, from + c);
            sum[0] += a * vload16(0, w + c);
            if (z.co > 1)
                sum[1] += a * vload16(0, w + z.ci + c);
            if (z.co > 2)
                sum[2] += a * vload16(0, w + 2 * z.ci + c);
            if (z.co > 3)
                sum[3] += a * vload16(0, w + 3 * z.ci + c);
        }
    }
    y += (line * z.ow + q) * z.co;
    for (int o = 0; o < 4; o++) {
        float8 part = sum[o].lo + sum[o].hi;
        if (o < z.co)
            y[o] = sum4(part.lo + part.hi);
    }
}

/* An item sums 16 input channels of a tap, for all output channels. */
__kernel void conv2d_bwd_w_thin(OUT(sums), IN(dy), IN(x), ulong lines,
                                ulong parts, conv_shape z)
{
    int c = 16 * get_global_id(0), tap = get_global_id(1);
    int i = tap / z.kw, j = tap - i * z.kw;
    ulong part = get_global_id(2);
    if (c >= z.ci || i >= z.kh || part >= parts)
        return;
    AT(sums), AT(dy), AT(x);
    float16 sum[4] = {0, 0, 0, 0};
    for (ulong line = part; line < lines; line += parts) {
        int row = (int)(line % z.oh) * z.stride_h + i - z.pad_top;
        if (row < 0 || row >= z.h)
            continue;
        __global const float *in =
            x + (line / z.oh * z.h + row) * z.w * z.ci + c;
        __global const float *out = dy + line * z.ow * z.co;
        for (int q = 0; q < z.ow; q++, out += z.co) {
            int column = q * z.stride_w + j - z.pad_left;
            if (column < 0 || column >= z.w)
                continue;
            float16 a = vload16(0, in + (ulong)column * z.ci);
            sum[0] += out[0] * a;
            if (z.co > 1)
                sum[1] += out[1] * a;
            if (z.co > 2)
                sum[2] += out[2] * a;
            if (z.co > 3)
                sum[3] += out[3] * a;
        }
    }
    sums += ((part * z.kh * z.kw + tap) * z.ci + c) * z.co;
    for (int o = 0; o < 4; o++) {
        float each[16];
        vstore16(sum[o], 0, each);
        for (int k = 0; k < 16 && o < z.co; k++)
            sums[k * z.co + o] = each[k];
    }
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
