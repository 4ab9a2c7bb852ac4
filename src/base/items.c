/* Going through a list of texts. */
#include "base/items.h"

#include <string.h>

int items_next(const char **at, char item[ITEM_TEXT])
{
    size_t n = strcspn(*at, ",");
    if (!n || n >= ITEM_TEXT)
        return 0;
    memcpy(item, *at, n);
    item[n] = '\0';
    *at += n + ((*at)[n] == ',');
    return 1;
}
