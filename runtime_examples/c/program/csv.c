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

bool csv_next(csv_reader *reader, bool *more, flow_error *error) {
    reader->row = reader->started ? reader->row + 1 : 0;
    reader->started = true;
    reader->size = reader->count = 0;
    int c = getc(reader->stream);
    while (c == '\n' || c == '\r')
        c = getc(reader->stream);
    *more = c != EOF;
    bool quoted = false, first = true; /* whether c is inside quotes, and the first of its cell */
    for (; *more; c = getc(reader->stream)) {
        if (c == '\0' || (quoted && c == EOF)) {
            return flow_fail(error, FLOW_WRONG_VALUE, "standard input: row %" PRIu64 ": %s", reader->row,
                             c == EOF ? "has a quote that is not closed" : "is no text (it holds a NUL)");
        }
        if (!quoted && (c == ',' || c == '\n' || c == EOF)) {
            reader->count++;
            if (!put(reader, '\0', error))
                return false;
            if (c != ',')
                break;
            first = true;
            continue;
        }
        bool kept = quoted || c != '\r';
        if (c == '"' && (quoted || first)) {
            /* In quotes, two of them are one. */
            const int next = quoted ? getc(reader->stream) : EOF;
            kept = next == '"';
            if (!kept && next != EOF)
                ungetc(next, reader->stream);
            quoted = kept || !quoted;
        }
        if (kept && !put(reader, (char)c, error))
            return false;
        first = drop_mark(reader);
    }
    if (ferror(reader->stream))
        return flow_fail(error, FLOW_WRONG_VALUE, "standard input: cannot be read");
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

bool parse_number(const char *text, float *number) {
    char *end;
    /* strtod reads hexadecimal, "inf" and "nan" too. */
    const size_t digits = strspn(text, " +-.0123456789eE");
    *number = (float)strtod(text, &end);
    return end != text && end + strspn(end, " ") == text + digits && text[digits] == '\0' && isfinite(*number);
}

bool parse_whole(const char *text, uint64_t *number) {
    errno = 0;
    *number = strtoull(text, NULL, 10);
    return *text && text[strspn(text, "0123456789")] == '\0' && errno == 0;
}

/* FLT_DIG digits survive the way to float32 and back, so there is no shorter text to be tried: but for subnormals. */
void write_float(FILE *stream, float number) {
    char text[32];
    int digits = fabsf(number) < FLT_MIN ? 1 : FLT_DIG;
    do {
        snprintf(text, sizeof text, "%.*g", digits, (double)number);
    } while (strtof(text, NULL) != number && digits++ < FLT_DECIMAL_DIG);
    fputs(isnan(number) ? "nan" : text, stream);
}

void write_double(FILE *stream, double number) {
    char text[32];
    int digits = fabs(number) < DBL_MIN ? 1 : DBL_DIG;
    do {
        snprintf(text, sizeof text, "%.*g", digits, number);
    } while (strtod(text, NULL) != number && digits++ < DBL_DECIMAL_DIG);
    fputs(isnan(number) ? "nan" : text, stream);
}
