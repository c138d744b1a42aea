#include "csv.h"

#include "inside.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const size_t MOST_RECORD = 4u << 20;

static bool put(csv_reader *reader, char character, flow_error *error) {
    if (reader->size == MOST_RECORD) {
        return flow_fail(error, FLOW_WRONG_VALUE, "standard input: row %" PRIu64 ": is longer than %zu bytes",
                         reader->row, MOST_RECORD);
    }
    if (reader->size == reader->room) {
        const size_t room = reader->room ? 2 * reader->room : 4096;
        char *text = realloc(reader->text, room);
        if (!text)
            return flow_fail(error, FLOW_NO_MEMORY, "out of memory");
        reader->text = text;
        reader->room = room;
    }
    reader->text[reader->size++] = character;
    return true;
}

/* Points at the cells, whose text no longer moves. */
static bool find_cells(csv_reader *reader, flow_error *error) {
    if (reader->count > reader->cells_room) {
        const char **cells = realloc(reader->cells, reader->count * sizeof *cells);
        if (!cells)
            return flow_fail(error, FLOW_NO_MEMORY, "out of memory");
        reader->cells = cells;
        reader->cells_room = reader->count;
    }
    const char *cell = reader->text;
    for (size_t i = 0; i < reader->count; i++) {
        reader->cells[i] = cell;
        cell += strlen(cell) + 1;
    }
    return true;
}

/* Whether all that was read yet is a byte order mark, as spreadsheets write it; it is then forgotten. */
static bool drop_mark(csv_reader *reader) {
    static const char mark[] = {'\xEF', '\xBB', '\xBF'};
    const bool found = reader->row == 0 && reader->count == 0 && reader->size == sizeof mark &&
                       memcmp(reader->text, mark, sizeof mark) == 0;
    if (found)
        reader->size = 0;
    return found;
}

static bool refuse(const csv_reader *reader, const char *reason, flow_error *error) {
    return reader->row == 0
               ? flow_fail(error, FLOW_WRONG_VALUE, "standard input: header: %s", reason)
               : flow_fail(error, FLOW_WRONG_VALUE, "standard input: row %" PRIu64 ": %s", reader->row, reason);
}

/* The next character; of CR LF, LF alone where it ends a line. false: a CR that no LF follows, or a NUL. */
static bool next_character(csv_reader *reader, bool quoted, int *c, flow_error *error) {
    *c = getc(reader->stream);
    if (*c == '\r') {
        const int next = getc(reader->stream);
        if (next != '\n')
            return refuse(reader, "holds a CR that no LF follows", error);
        if (quoted)
            ungetc(next, reader->stream);
        else
            *c = next;
    }
    return *c != '\0' || refuse(reader, "holds a NUL", error);
}

bool csv_next(csv_reader *reader, bool *more, flow_error *error) {
    enum { START, PLAIN, QUOTED, CLOSED } cell = START;
    reader->row = reader->started ? reader->row + 1 : 0;
    reader->started = true;
    reader->size = reader->count = 0;
    int c;
    do {
        if (!next_character(reader, false, &c, error))
            return false;
    } while (c == '\n');
    for (*more = c != EOF; *more;) {
        if (cell == QUOTED && c == EOF)
            return refuse(reader, "a quote is not closed", error);
        if (cell != QUOTED && (c == ',' || c == '\n' || c == EOF)) {
            reader->count++;
            if (!put(reader, '\0', error))
                return false;
            if (c != ',')
                break;
            cell = START;
        } else if (c == '"' && cell == START) {
            cell = QUOTED;
        } else if (c == '"' && cell == QUOTED) {
            /* Two of them are one. */
            const int next = getc(reader->stream);
            if (next != '"')
                ungetc(next, reader->stream);
            if (next == '"' && !put(reader, '"', error))
                return false;
            cell = next == '"' ? QUOTED : CLOSED;
        } else if (c == '"' || cell == CLOSED) {
            return refuse(reader, "a quote in the wrong place", error);
        } else {
            if (!put(reader, (char)c, error))
                return false;
            cell = cell == QUOTED ? QUOTED : PLAIN;
            if (drop_mark(reader)) {
                cell = START;
                *more = false; /* unless something follows */
            }
        }
        if (!next_character(reader, cell == QUOTED, &c, error))
            return false;
        /* Behind a mark, lines with nothing in them are passed over as they are before any header. */
        while (!*more && c == '\n')
            if (!next_character(reader, false, &c, error))
                return false;
        *more = *more || c != EOF;
    }
    if (ferror(reader->stream))
        return refuse(reader, "cannot be read", error);
    if (!flow_is_utf8(reader->text, reader->size))
        return refuse(reader, "is not UTF-8", error);
    return find_cells(reader, error);
}

void csv_free(csv_reader *reader) {
    free(reader->text);
    free(reader->cells);
}

void csv_write(FILE *stream, const char *cell) {
    if (!strpbrk(cell, ",\"\r\n")) {
        fputs(cell, stream);
        return;
    }
    putc('"', stream);
    for (; *cell; cell++) {
        if (*cell == '"')
            putc('"', stream);
        putc(*cell, stream);
    }
    putc('"', stream);
}

bool parse_number(const char *text, flow_dtype dtype, double *number) {
    char *end;
    /* strtod reads hexadecimal, "inf" and "nan" too. */
    const size_t digits = strspn(text, " +-.0123456789eE");
    *number = strtod(text, &end);
    return end != text && end + strspn(end, " ") == text + digits && text[digits] == '\0' &&
           isfinite(dtype == FLOW_FLOAT64 ? *number : (double)(float)*number);
}

bool parse_whole(const char *text, uint64_t *number) {
    errno = 0;
    *number = strtoull(text, NULL, 10);
    return *text && text[strspn(text, "0123456789")] == '\0' && errno == 0;
}

/* FLT_DIG digits survive the way to float32 and back, and DBL_DIG that to float64, so there is no shorter text to be
 * tried: but for subnormals. */
void write_number(FILE *stream, flow_dtype dtype, double number) {
    const bool wide = dtype == FLOW_FLOAT64;
    char text[32];
    int digits = fabs(number) < (wide ? DBL_MIN : (double)FLT_MIN) ? 1 : wide ? DBL_DIG : FLT_DIG;
    do {
        snprintf(text, sizeof text, "%.*g", digits, number);
    } while ((wide ? strtod(text, NULL) : (double)strtof(text, NULL)) != number &&
             digits++ < (wide ? DBL_DECIMAL_DIG : FLT_DECIMAL_DIG));
    fputs(isnan(number) ? "nan" : text, stream);
}
