/* What a graph may hold: operators and fields of the file that are on a list, so that it has one reading. */
#include "inside.h"

#include "operators.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const unsigned char *at, *end;
    const char *where; /* the file's path, for messages */
    flow_error *error;
} walk;

enum { MOST_FIELDS = 32 };

/* The last value of each field of a message, and how often it came. */
typedef struct {
    uint64_t numbers[MOST_FIELDS];
    const unsigned char *texts[MOST_FIELDS]; /* of so many bytes as the number says; NULL where it is a number */
    int counts[MOST_FIELDS];
} message;

static bool refuse(const walk *w, const char *reason, const char *what) {
    return flow_fail(w->error, FLOW_BAD_BUNDLE, "%s: %s%s", w->where, what, reason);
}

/* A number of at most ten bytes. */
static bool read_varint(walk *w, uint64_t *value) {
    *value = 0;
    for (int shift = 0; shift < 70 && w->at < w->end; shift += 7) {
        const unsigned char byte = *w->at++;
        *value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return true;
    }
    return refuse(w, "is cut short", "");
}

/* Whether a text of so many bytes is one of the words of a list. */
static bool is_listed(const char *list, const unsigned char *text, size_t size) {
    for (const char *word = list; *word;) {
        const size_t length = strcspn(word, " ");
        if (length == size && memcmp(word, text, size) == 0)
            return true;
        word += length + strspn(word + length, " ");
    }
    return false;
}

/* What a field of a message is, in room: "Node*"; false where it has none of that number. */
static bool find_field(const char *name, uint64_t number, char room[24]) {
    const size_t length = strlen(name);
    for (const char *row = FIELDS; row; row = strchr(row, ';') ? strchr(row, ';') + 1 : NULL) {
        if (strncmp(row, name, length) != 0 || row[length] != ' ')
            continue;
        for (const char *field = row + length; *field == ' ';) {
            char *word;
            const bool found = strtoull(field, &word, 10) == number;
            const size_t size = strcspn(word + 1, " ;");
            field = word + 1 + size;
            if (found) {
                memcpy(room, word + 1, size);
                room[size] = '\0';
                return true;
            }
        }
    }
    return false;
}

/* Whether protobuf may write what a field is in a way: 0 a varint, 1 and 5 of eight and four bytes, 2 with a length. */
static bool fits(const char *kind, unsigned wire) {
    const bool several = kind[strlen(kind) - 1] == 's';
    const unsigned own = strncmp(kind, "int", 3) == 0     ? 0
                         : strncmp(kind, "float", 5) == 0 ? 5
                         : strcmp(kind, "doubles") == 0   ? 1
                                                          : 2;
    return wire == own || (wire == 2 && several && own != 2);
}

/* What a message must say. */
static bool check(const walk *w, const char *name, const message *found) {
    char word[80];
    if (strcmp(name, "Model") == 0 && (found->counts[7] != 1 || found->counts[8] != 1))
        return refuse(w, "expected one graph and one opset", "");
    if (strcmp(name, "Opset") == 0 && (found->numbers[1] != 0 || found->numbers[2] != OPSET))
        return refuse(w, "opset: expected 18 of the standard domain alone", "");
    if (strcmp(name, "Node") == 0 &&
        (found->numbers[7] != 0 || !found->texts[4] || !is_listed(OPERATORS, found->texts[4], found->numbers[4]))) {
        snprintf(word, sizeof word, "%.*s", (int)(found->numbers[4] < 60 ? found->numbers[4] : 60),
                 found->texts[4] ? (const char *)found->texts[4] : "");
        return refuse(w, " is not on the list of operators", word);
    }
    const bool tensor = strcmp(name, "Tensor") == 0;
    if (tensor || strcmp(name, "TensorType") == 0) {
        const int size = snprintf(word, sizeof word, "%" PRIu64, found->numbers[tensor ? 2 : 1]);
        if (!is_listed(TYPES, (const unsigned char *)word, (size_t)size))
            return refuse(w, ": a tensor of this element type", word);
    }
    return true;
}

/* Holds a message, and those in it, to the list. They lie no deeper in each other than the list lets them. */
static bool walk_message(walk w, const char *name) {
    message found = {0};
    while (w.at < w.end) {
        uint64_t tag, size;
        char kind[24];
        if (!read_varint(&w, &tag))
            return false;
        const uint64_t number = tag >> 3;
        const unsigned wire = tag & 7;
        if (number >= MOST_FIELDS || !find_field(name, number, kind))
            return refuse(&w, ": a field that is not on the list", name);
        char *star = strchr(kind, '*');
        if (star)
            *star = '\0';
        if (!fits(kind, wire))
            return refuse(&w, ": a field that is not on the list", name);
        if (found.counts[number]++ > 0 && !star)
            return refuse(&w, ": a field is there twice", name);
        if (wire == 0) {
            found.texts[number] = NULL;
            if (!read_varint(&w, &found.numbers[number]))
                return false;
            continue;
        }
        size = wire == 5 ? 4 : 8;
        if (wire == 2 && !read_varint(&w, &size))
            return false;
        if (size > (uint64_t)(w.end - w.at))
            return refuse(&w, "is cut short", "");
        found.texts[number] = w.at;
        found.numbers[number] = size;
        w.at += size;
        const walk inner = {w.at - size, w.at, w.where, w.error};
        if (kind[0] >= 'A' && kind[0] <= 'Z' && !walk_message(inner, kind))
            return false;
    }
    return check(&w, name, &found);
}

bool flow_check_graph(const flow_model *model, const char *name, const unsigned char *data, size_t size,
                      flow_error *error) {
    char where[PATH_MAX + 256];
    snprintf(where, sizeof where, "%s/%s", model->folder, name);
    return walk_message((walk){data, data + size, where, error}, "Model");
}
