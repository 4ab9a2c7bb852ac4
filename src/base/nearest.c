/* Edit distance with exchanges (optimal string alignment). */
#include "base/nearest.h"

#include <string.h>

#define LONGEST 63

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t edit_distance(const char *a, const char *b)
{
    size_t n = least(strlen(a), LONGEST), m = least(strlen(b), LONGEST);
    size_t row[3][LONGEST + 1]; /* i - 2, i - 1, i, in turn */
    for (size_t j = 0; j <= m; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = row[i % 3], *before = row[(i + 2) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            now[j] = least(before[j - 1] + (a[i - 1] != b[j - 1]),
                           1 + least(before[j], now[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], 1 + row[(i + 1) % 3][j - 2]);
        }
    }
    return row[n % 3][m];
}
