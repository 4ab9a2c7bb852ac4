/* moments: mean and std = sqrt(population variance + eps) of patches of
 * ph x pw locations of x [n,h,w,c]. Features have means far above their
 * spread: the variance comes from differences to the mean, whose own sum
 * corrects it. mean or std may be NULL. */

/* An item sums whole patches, four channels each (ocl_columns over all
 * patches). */
__kernel void moments_patches(OUT(mean), OUT(std), IN(x), ulong patches,
                              ulong c, ulong step, ulong chunks, ulong across,
                              ulong ph, ulong pw, float eps)
{
    columns s = columns_of(patches, c, step, chunks);
    ulong line = across * pw * c; /* of x */
    float count = (float)(ph * pw);
    AT(mean), AT(std), AT(x);
    for (ulong p = s.row; p < s.end; p += get_local_size(1)) {
        ulong row = p / across * ph; /* n h + the first line */
        __global const float *from = x + row * line + p % across * pw * c + s.i;
        pair4 sum = {0, 0}, rest = {0, 0}, squares = {0, 0};
        for (ulong i = 0; i < ph; i++)
            for (ulong j = 0; j < pw; j++)
                pair4_add(&sum, load4(from + i * line + j * c, s.left));
        float4 m = (pair4_value(sum)) / count;
        if (mean)
            store4(mean + p * c + s.i, s.left, m);
        if (!std)
            continue;
        for (ulong i = 0; i < ph; i++)
            for (ulong j = 0; j < pw; j++) {
                float4 d = load4(from + i * line + j * c, s.left) - m;
                pair4_add(&rest, d);
                pair4_add(&squares, d * d);
            }
        float4 off = (pair4_value(rest)) / count;
        float4 square = (pair4_value(squares)) / count - off * off;
        store4(std + p * c + s.i, s.left, sqrt(fmax(square, 0.0f) + eps));
    }
}

/* One patch a map: from the moments of chunks of the map's rows, parts
 * [n,chunks,3,c] (columns_moments). An item takes four channels of a sample
 * (ocl_columns over the samples, `groups` of them). */
__kernel void moments_maps(OUT(mean), OUT(std), IN(parts), ulong n, ulong c,
                           ulong each, ulong groups, ulong rows, ulong step,
                           ulong chunks, float eps)
{
    columns s = columns_of(n, c, each, groups);
    float count = (float)rows;
    AT(mean), AT(std), AT(parts);
    for (ulong r = s.row; r < s.end; r += get_local_size(1)) {
        __global const float *from = parts + r * chunks * 3 * c + s.i;
        float4 sum = 0;
        pair4 rest = {0, 0}, squares = {0, 0};
        for (ulong chunk = 0; chunk < chunks; chunk++) {
            __global const float *p = from + chunk * 3 * c;
            float many = (float)min(step, rows - chunk * step);
            sum += many * load4(p, s.left) + load4(p + c, s.left);
        }
        float4 m = sum / count;
        for (ulong chunk = 0; chunk < chunks; chunk++) {
            __global const float *p = from + chunk * 3 * c;
            float many = (float)min(step, rows - chunk * step);
            float4 d = load4(p, s.left) - m, along = load4(p + c, s.left);
            pair4_add(&rest, along + many * d);
            pair4_add(&squares,
                      load4(p + 2 * c, s.left) + d * (2 * along + many * d));
        }
        float4 off = (pair4_value(rest)) / count;
        float4 square = (pair4_value(squares)) / count - off * off;
        if (mean)
            store4(mean + r * c + s.i, s.left, m + off);
        if (std)
            store4(std + r * c + s.i, s.left, sqrt(fmax(square, 0.0f) + eps));
    }
}

/* dx += (dmean + dstd (x - mean) / std) / (ph pw); a constant patch without
 * eps has std 0 and no slope. Maps are lines of pixels (ocl_columns). */
__kernel void moments_bwd(GRADIENT(dx), IN(dmean), IN(dstd), IN(x), IN(mean),
                          IN(std), ulong w, ulong c, ulong step, ulong chunks,
                          ulong h, ulong ph, ulong pw)
{
    columns s = columns_of(w, c, step, chunks);
    ulong down = h / ph, across = w / pw;
    ulong row = s.map / h * down + s.map % h / ph; /* of patches */
    float share = 1 / (float)(ph * pw);
    AT(dx), AT(dmean), AT(dstd), AT(x), AT(mean), AT(std);
    for (ulong j = s.row; j < s.end; j += get_local_size(1)) {
        ulong at = (s.map * w + j) * c + s.i;
        ulong from = (row * across + j / pw) * c + s.i;
        float4 sum = 0;
        if (dmean)
            sum = share * load4(dmean + from, s.left);
        if (dstd) {
            float4 size = load4(std + from, s.left);
            float4 slope = share * load4(dstd + from, s.left) / size;
            float4 d = load4(x + at, s.left) - load4(mean + from, s.left);
            sum += size > 0 ? slope * d : (float4)(0);
        }
        GIVE4(dx, at, sum, s.left);
    }
}
