/* flow.json: what the model is, and what it promises. */
#ifndef FLOW_MANIFEST_H
#define FLOW_MANIFEST_H

#include "flow.h"

#include "json.h"

typedef enum { FLOW_LOG_PROB, FLOW_SAMPLE } flow_graph;

/* Their names in flow.json, and NULL. */
extern const char *const flow_graph_names[];

/* A golden case: files of the inputs, and either the file of the expected output or the code of the expected error. */
typedef struct {
    const char *name;
    flow_graph graph;
    const char *rows, *context; /* context: NULL without one */
    const char *expected;       /* NULL where error counts */
    flow_code error;
    bool ranged; /* only rows start … stop − 1 count */
    size_t start, stop;
} flow_case;

/* A golden part of the noise: normals number start onwards of a seed. */
typedef struct {
    uint64_t seed, start;
    const char *file;
} flow_noise;

enum { FLOW_QUANTILES = 101 };

/* Texts live in root. Arrays by graph are indexed by flow_graph. */
typedef struct {
    cJSON *root;
    flow_info info;
    const cJSON *files; /* an object: file → SHA-256 */
    const char *graph_files[2];
    double atol[2], rtol[2];
    double *scale; /* info.width numbers */
    double quantiles[FLOW_QUANTILES];
    bool selector; /* the last column of z chooses a component and takes no temperature */
    size_t case_count;
    flow_case *cases;
    const char *log_prob_of_sample;
    size_t noise_count;
    flow_noise *noise;
} flow_manifest;

/* Reads the text of flow.json into *manifest. where: the file's path, for messages, which name the key at fault.
 * Fails with FLOW_BAD_BUNDLE or FLOW_NO_MEMORY. Afterwards, failed or not, flow_free_manifest is due. */
bool flow_read_manifest(const char *text, size_t size, const char *where, flow_manifest *manifest, flow_error *error);

/* The part of it that reads the key golden. */
bool flow_read_golden(const flow_document *document, const cJSON *golden, flow_manifest *manifest);

/* Frees what a manifest owns. */
void flow_free_manifest(flow_manifest *manifest);

#endif
