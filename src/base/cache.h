/* Where what was computed is kept for the next start. */
#ifndef BASE_CACHE_H
#define BASE_CACHE_H

#include "base/error.h"

/* $XDG_CACHE_HOME/drift, else ~/.cache/drift, which may not be there yet; free
 * with mem_free. *out is NULL where nothing is kept: as DRIFT_CACHE (on or off)
 * says, and `on` where it says nothing. Only a wrong DRIFT_CACHE fails.
 *
 * Any number of processes share the folder, and it may be deleted at any time:
 * a file is named by a digest of all that it follows from, appears whole, and a
 * fault of it is no more than a debug line. */
drift_status cache_folder(drift_context *ctx, int on,
                          char **out) DRIFT_MUST_CHECK;

#endif
