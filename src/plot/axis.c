/* Round ticks: see axis.h. */
#include "plot/axis.h"

#include <math.h>
#include <stdio.h>

/* 1, 2 or 5 times a power of ten, near `rough`. */
static double round_step(double rough)
{
    double power = pow(10, floor(log10(rough))), rest = rough / power;
    if (rest < 1.5)
        return power;
    if (rest < 3.5)
        return 2 * power;
    return rest < 7.5 ? 5 * power : 10 * power;
}

static void write_label(char text[AXIS_TEXT], double value)
{
    double size = fabs(value);
    if (size >= 1e9)
        snprintf(text, AXIS_TEXT, "%.3g", value);
    else if (size >= 1e6)
        snprintf(text, AXIS_TEXT, "%.4gM", value / 1e6);
    else if (size >= 1e4)
        snprintf(text, AXIS_TEXT, "%.4gk", value / 1e3);
    else
        snprintf(text, AXIS_TEXT, "%.6g", value);
}

static void add_tick(axis *a, double value)
{
    if (a->count == AXIS_TICKS)
        return;
    a->tick[a->count] = value;
    write_label(a->label[a->count++], value);
}

static void set_linear(axis *a, int wanted, double least)
{
    double step = fmax(least, round_step((a->high - a->low) / wanted));
    for (double i = ceil(a->low / step - 1e-9);
         i * step <= a->high + 1e-9 * step; i++) {
        add_tick(a, i == 0 ? 0 : i * step);
        if (a->count == AXIS_TICKS)
            break;
    }
}

/* Powers of ten; 2 and 5 between them where there are few. */
static void set_log(axis *a, int wanted)
{
    static const double between[] = {1, 2, 5};
    double decades = a->high - a->low;
    double stride = ceil(decades / wanted);
    int each = decades < 2.2 ? 3 : 1;
    if (decades < 1) { /* too short for those: as if it were linear */
        axis plain = {.low = pow(10, a->low), .high = pow(10, a->high)};
        set_linear(&plain, wanted, 0);
        for (size_t i = 0; i < plain.count; i++)
            if (plain.tick[i] > 0)
                add_tick(a, plain.tick[i]);
        return;
    }
    for (double p = floor(a->low); p <= a->high; p++)
        for (int i = 0; i < each; i++) {
            double value = between[i] * pow(10, p), at = log10(value);
            if (at < a->low - 1e-9 || at > a->high + 1e-9 ||
                (each == 1 && fmod(p, stride) != 0))
                continue;
            add_tick(a, value);
        }
}

void axis_set(axis *a, double low, double high, axis_scale scale, int wanted,
              int pad)
{
    int log = scale == AXIS_LOG;
    *a = (axis){.log = log};
    if (log && !(low > 0 && high >= low && isfinite(high))) {
        low = 1;
        high = 10;
    } else if (!(isfinite(low) && isfinite(high) && high >= low)) {
        low = 0;
        high = 1;
    }
    a->low = log ? log10(low) : low;
    a->high = log ? log10(high) : high;
    double least = log ? 0.1 : fmax(0.1 * fabs(low), 1e-9);
    if (a->high - a->low < least) {
        double middle = (a->low + a->high) / 2;
        a->low = middle - least / 2;
        a->high = middle + least / 2;
    }
    if (pad) {
        double margin = 0.05 * (a->high - a->low);
        /* Do not show values below 0 of something that has none. */
        if (log || a->low < 0 || a->low > margin)
            a->low -= margin;
        a->high += margin;
    }
    if (log)
        set_log(a, wanted);
    else
        set_linear(a, wanted, scale == AXIS_WHOLE);
}

double axis_place(const axis *a, double value)
{
    if (a->log)
        value = value > 0 ? log10(value) : NAN;
    return (value - a->low) / (a->high - a->low);
}
