/* CSV as RFC 4180 has it, a record at a time, and numbers as text. */
#ifndef CSV_H
#define CSV_H

#include "flow.h"

#include <stdio.h>

/* Reads a stream. Start with {.stream = …}; csv_free at the end. */
typedef struct {
    FILE *stream;
    char *text; /* the cells of the record, each with a NUL behind it */
    size_t size, room;
    const char **cells;
    size_t count, cells_room;
    uint64_t row; /* the record's number: the header is 0 */
    bool started;
} csv_reader;

/* Reads the next record; lines without a character are passed over. *more: whether there was one. Fails with
 * FLOW_WRONG_VALUE for a record of more than 4 MiB, and for what has two readings: a NUL, a CR that no LF follows, a
 * quote in the wrong place, bytes that are no UTF-8. */
bool csv_next(csv_reader *reader, bool *more, flow_error *error);

void csv_free(csv_reader *reader);

/* Writes a cell, in quotes where it needs them. */
void csv_write(FILE *stream, const char *cell);

/* Reads a decimal number that a type can hold. */
bool parse_number(const char *text, flow_dtype dtype, double *number);

/* Reads a whole number below 2⁶⁴, of digits only. */
bool parse_whole(const char *text, uint64_t *number);

/* Writes the shortest decimal that reads back the same number of a type. */
void write_number(FILE *stream, flow_dtype dtype, double number);

#endif
