/* What flow.json says for the golden check alone, held to the format. */
#ifndef RULES_H
#define RULES_H

#include "inside.h"

enum { LARGEST = INT32_MAX };

typedef enum {
    JSON_OBJECT,
    JSON_LIST, /* of least to most entries */
    JSON_TEXT,
    JSON_FILE, /* text that is a key of the document's "files" */
    JSON_TRUTH,
    JSON_NUMBER, /* least to most, which are finite */
    JSON_WHOLE   /* and a whole one */
} json_kind;

/* What the keys of a JSON document must hold: a rule for every value at a path such as "golden.cases[].name" or
 * "files.*". Rules of parents come before. */
typedef struct {
    const char *path; /* ends with ? where the key may be missing, with ~ where it may be null */
    json_kind kind;
    double least, most;
    const char *word; /* the only text that it may be, or NULL */
} json_rule;

/* Holds a document to rules. where: its path, for messages. Fails with FLOW_BAD_BUNDLE. */
bool check_rules(const cJSON *root, const char *where, const json_rule *rules, size_t count, flow_error *error);

#endif
