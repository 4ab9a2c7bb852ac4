/* What the parts of the configuration share: config.c and config_yaml.c. */
#ifndef TRAIN_CONFIG_INTERNAL_H
#define TRAIN_CONFIG_INTERNAL_H

#include "train/config.h"

const config_key *config_find(const char *name); /* NULL: unknown */
/* The key of that name that configurations like c have; the error says what is
 * wrong with it, after `where`. */
drift_status config_key_of(drift_context *ctx, const config *c,
                           const char *where, const char *name,
                           const config_key **key) DRIFT_MUST_CHECK;
/* A tool's name. */
const char *config_tool(drift_subject subject);
int config_is_section(const char *name);
/* Whether configurations of a subject have this section: the first `length`
 * characters of `name`. */
int config_has_section(drift_subject subject, const char *name, size_t length);
int config_is_list(const config_key *key);
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
