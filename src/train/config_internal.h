/* What the parts of the configuration share: config.c and config_yaml.c. */
#ifndef TRAIN_CONFIG_INTERNAL_H
#define TRAIN_CONFIG_INTERNAL_H

#include "train/config.h"

const config_key *config_find(const char *name); /* NULL: unknown */
int config_is_section(const char *name);
int config_is_list(const config_key *key);
/* The known key that a misspelt one most likely means. */
const char *config_nearest(const char *name);
/* "1 to 64", "true or false" ... */
void config_allowed(const config_key *key, char *text, size_t size);

/* Type and range are checked; `where` opens the error text. */
drift_status config_set_scalar(drift_context *ctx, config *c, const char *where,
                               const config_key *key,
                               const char *value) DRIFT_MUST_CHECK;
drift_status config_set_list(drift_context *ctx, config *c, const char *where,
                             const config_key *key, const char *const *values,
                             size_t count) DRIFT_MUST_CHECK;

#endif
