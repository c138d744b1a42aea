/* JSON values that are taken with their type, or refused by the path of their key. */
#ifndef FLOW_JSON_H
#define FLOW_JSON_H

#include "flow.h"

#include <cjson/cJSON.h>

enum { FLOW_LARGEST_SIZE = INT32_MAX };

/* A document and where faults go. */
typedef struct {
    const char *where; /* its path, for messages */
    const cJSON *root;
    flow_error *error;
} flow_document;

/* Refuses a value: "PATH: golden.cases[3].name: reason". Returns false. */
__attribute__((format(printf, 3, 4))) bool flow_refuse(const flow_document *document, const cJSON *value,
                                                       const char *format, ...);

/* A key that must be there, or NULL, refused. All functions below pass a NULL value on as false, so that calls nest. */
const cJSON *flow_key(const flow_document *document, const cJSON *object, const char *name);

bool flow_take_text(const flow_document *document, const cJSON *value, const char **text);
bool flow_take_object(const flow_document *document, const cJSON *value);

/* A finite number, no less than least. */
bool flow_take_number(const flow_document *document, const cJSON *value, double least, double *number);

/* A whole number from least to most. */
bool flow_take_size(const flow_document *document, const cJSON *value, size_t least, size_t most, size_t *size);

/* A list of least to most entries. */
bool flow_take_list(const flow_document *document, const cJSON *value, size_t least, size_t most, size_t *count);

/* The place, in a list of words that ends with NULL, of the word that a value is. */
bool flow_take_word(const flow_document *document, const cJSON *value, const char *const words[], size_t *place);

/* The name of a file, which must be among the document's files. */
bool flow_take_file(const flow_document *document, const cJSON *value, const char **name);

/* An array of count zeroed elements, or NULL, refused. */
void *flow_allocate(const flow_document *document, size_t count, size_t size);

#endif
