/* The commands of the program: see ../../README.md for their contract. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "inside.h"

/* Rows that are held at a time. */
enum { BLOCK_ROWS = 1024 };

/* What `sample` is asked for. */
typedef struct {
    uint64_t rows, seed;
    double temperature;
    char *context; /* V1,V2,…, or NULL where none is given */
} sample_request;

/* passed: whether every case did. */
bool golden(const flow_model *model, bool *passed, flow_error *error);
bool score(const flow_model *model, flow_error *error);
bool sample(const flow_model *model, const sample_request *request, flow_error *error);
bool bench(const flow_model *model, flow_error *error);

/* The name of a column, features then context. room is for x0, x1, … and c0, c1, …, where the bundle has none. */
const char *column_name(const flow_info *info, size_t column, char room[24]);

/* A value of the context: a number, or the code of the category whose label it is. Labels that are numbers are compared
 * as numbers. coded: whether a code will do as well, where no label is a number. where: for messages. */
bool parse_context(const flow_info *info, size_t feature, const char *text, bool coded, const char *where,
                   double *value, flow_error *error);

#endif
