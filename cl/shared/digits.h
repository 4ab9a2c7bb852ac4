/* Where in a tensor a work-item is: the digits of its number i in a mixed
 * radix, last dimension first.
 *
 *     digits d = digits_of_item();
 *     ulong channel = next_digit(&d, c);
 *     ulong position = next_digit(&d, t);
 *     ulong sample = last_digit(&d);
 *
 * 64-bit division is slow on every device, so only the number of the group's
 * first item is divided, which is the same for the whole group: a scalar. The
 * item adds its place in the group with a carry. For launches along one
 * dimension in groups of GROUP (ocl_each). Compiled by OpenCL alone. */
#ifndef CL_SHARED_DIGITS_H
#define CL_SHARED_DIGITS_H

/* The number first + carry, carry < GROUP. */
typedef struct digits {
    ulong first;
    uint carry;
} digits;

static inline digits digits_of_item(void)
{
    digits d;
    d.first = (ulong)get_group_id(0) * GROUP;
    d.carry = (uint)get_local_id(0);
    return d;
}

/* number % n; the number becomes number / n. */
static inline ulong next_digit(digits *d, ulong n)
{
    ulong first = d->first / n, digit = d->first - first * n;
    d->first = first;
    digit += d->carry;
    if (n >= GROUP) {
        d->carry = digit >= n;
        return d->carry ? digit - n : digit;
    }
    /* digit < 2 GROUP, where this quotient is exact. */
    uint small = (uint)digit;
    d->carry = (uint)(((float)small + 0.5f) * (1.0f / (float)(uint)n));
    return small - d->carry * (uint)n;
}

static inline ulong last_digit(const digits *d)
{
    return d->first + d->carry;
}

#endif
