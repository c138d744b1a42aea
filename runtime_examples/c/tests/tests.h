/* What the tests of all files share. They run in the folder above, and use the bundle tests/gaussian. */
#ifndef TESTS_H
#define TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flow.h"

#define GAUSSIAN "tests/gaussian"

/* Run the tests of a file; the number of failed ones. */
int test_noise(void);
int test_manifest(void);
int test_bundle(void);
int test_model(void);

/* A file whole, with a NUL behind it; the caller frees it. */
char *slurp(const char *path, size_t *size);

/* The text with the one occurrence of a part replaced; the caller frees it. */
char *replaced(const char *text, const char *part, const char *by);

/* Fails unless an error has a code, one line, and a message with a part in it. */
void assert_error(const flow_error *error, flow_code code, const char *part);

#endif
