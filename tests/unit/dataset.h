/* What the tests of data sets share: a folder a test, files to read, opening.
 * Brings cmocka and what it needs along. */
#ifndef TESTS_UNIT_DATASET_H
#define TESTS_UNIT_DATASET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/data.h"

extern drift_context *ctx;
extern char warned[256]; /* the last warning of a test, "" before one */

/* Each test runs in an empty folder of its own. */
int setup(void **state);
int teardown(void **state);
#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown(function, setup, teardown)

void expect_ok(drift_status status);
/* The error's text holds `text`; clears it. */
void expect_error(drift_status status, drift_status wanted, const char *text);
dataset *open_ok(data_config c);
void open_bad(data_config c, drift_status wanted, const char *text);
#define OPEN(...) open_ok((data_config){__VA_ARGS__})
#define BAD(status, text, ...)                                                 \
    open_bad((data_config){__VA_ARGS__}, DRIFT_ERROR_##status, text)

void write_bytes(const char *path, const void *data, size_t size);
void make_dir(const char *path);
/* A tar (or tar.gz, gz, zip by the ending) of files and folders on disk. */
void pack(const char *path, const char *const *files);
#define PACK(path, ...) pack(path, (const char *const[]){__VA_ARGS__, NULL})
/* A PNG of one colour. */
void write_png(const char *path, int height, int width, int channels,
               unsigned char value);
/* Three of class "cat", two of class "dog", 4x4 grey of 10 20 30 40 50. */
void write_tree(const char *root);
#define TREE                                                                   \
    "t/cat/a.png", "t/cat/b.png", "t/cat/c.PNG", "t/cat/Thumbs.db",            \
        "t/cat/.hidden.png", "t/dog/a.png", "t/dog/b.png"
/* The first and the last byte of image i. */
void expect_pixels(dataset *d, size_t i, double first, double last);

#endif
