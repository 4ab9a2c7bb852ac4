/* A list of texts kept as one text, with commas between the items. */
#ifndef BASE_ITEMS_H
#define BASE_ITEMS_H

#define ITEM_TEXT 256

/* Copy the item at *at and go on to the next; 0 at the end. Items are not
 * empty and shorter than ITEM_TEXT. */
int items_next(const char **at, char item[ITEM_TEXT]);

#endif
