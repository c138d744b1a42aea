/* The key "golden" of flow.json: what the trained model said, for the command of the same name. */
#ifndef CASES_H
#define CASES_H

#include "inside.h"

/* A golden case: files of the inputs, and either the file of the expected output or the code of the expected error. */
typedef struct {
    const char *name;
    flow_graph graph;
    const char *rows, *context; /* context: NULL without one */
    const char *expected;       /* NULL where error counts */
    const char *rounding;       /* what float32 alone costs each expected number; NULL without */
    flow_code error;
    bool ranged; /* only rows start … stop − 1 count */
    size_t start, stop;
} golden_case;

/* A golden part of the noise: normals number start onwards of a seed. */
typedef struct {
    uint64_t seed, start;
    const char *file;
} golden_noise;

/* Texts live in the document. */
typedef struct {
    size_t case_count, noise_count;
    golden_case *cases;
    golden_noise *noise;
    const char *log_prob_of_sample, *log_prob_of_sample_rounding; /* the latter NULL without */
    double atol[2], rtol[2];                                      /* indexed by flow_graph */
    double *scale;                                                /* the standard deviation of each feature */
} golden_cases;

/* Reads it, and holds the rest of flow.json, which the library does not go on to use, to the contract. where: its path,
 * for messages.
 * Fails with FLOW_BAD_BUNDLE or FLOW_NO_MEMORY. Afterwards, failed or not, free_golden is due. */
bool read_golden(const flow_manifest *manifest, const char *where, golden_cases *golden, flow_error *error);

void free_golden(golden_cases *golden);

#endif
