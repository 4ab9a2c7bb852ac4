/* Files that come with the program: presets and data sets. They are looked
 * for under $DRIFT_DATA_DIR, then in the source tree that the library was
 * built from, then where they were installed. */
#ifndef BASE_SHARE_H
#define BASE_SHARE_H

#include "base/error.h"

typedef enum share_kind { SHARE_PRESETS, SHARE_DATA } share_kind;

/* Folder i of a kind, in the order of looking; free with mem_free. *out is
 * NULL after the last. */
drift_status share_folder(drift_context *ctx, share_kind kind, int i,
                          char **out) DRIFT_MUST_CHECK;
/* The path of the first FOLDER/NAME that exists; *out is NULL when none
 * does. */
drift_status share_find(drift_context *ctx, share_kind kind, const char *name,
                        char **out) DRIFT_MUST_CHECK;

#endif
