#include "npy.h"

#include "inside.h"

#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the numbers of a bundle are little endian, and are used as they are"
#endif

enum { PREAMBLE = 10 }; /* the magic, the version, and the header's length in 16 bits */

/* What is left of the header. */
typedef struct {
    const char *at, *end;
} cursor;

static bool accept(cursor *c, const char *text) {
    const size_t length = strlen(text);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, text, length) != 0)
        return false;
    c->at += length;
    return true;
}

/* A size of at most ten digits, more than any file holds and less than size_t can. */
static bool accept_size(cursor *c, size_t *size) {
    const char *start = c->at;
    for (*size = 0; c->at < c->end && c->at - start < 10 && *c->at >= '0' && *c->at <= '9'; c->at++)
        *size = *size * 10 + (size_t)(*c->at - '0');
    return c->at > start;
}

/* The header as NumPy writes it, and nothing else. */
static bool accept_header(cursor *c, flow_array *array) {
    if (accept(c, "{'descr': '<f4', "))
        array->dtype = FLOW_FLOAT32;
    else if (accept(c, "{'descr': '<f8', "))
        array->dtype = FLOW_FLOAT64;
    else
        return false;
    if (!accept(c, "'fortran_order': False, 'shape': ("))
        return false;
    array->rank = 0;
    if (!accept(c, "), }")) {
        do {
            if (array->rank == FLOW_MAX_RANK || !accept_size(c, &array->shape[array->rank++]))
                return false;
        } while (accept(c, ", "));
        /* One axis is written (3,). */
        if ((array->rank == 1 && !accept(c, ",")) || !accept(c, "), }"))
            return false;
    }
    while (accept(c, " ")) {
    }
    return accept(c, "\n") && c->at == c->end;
}

bool read_npy(unsigned char *data, size_t size, const char *where, flow_array *array, flow_error *error) {
    static const char magic[] = "\x93NUMPY\x01\x00";
    const size_t length = size < PREAMBLE ? 0 : (size_t)data[8] | (size_t)data[9] << 8;
    cursor header = {(const char *)data + PREAMBLE, (const char *)data + PREAMBLE + length};
    if (size < PREAMBLE + length || memcmp(data, magic, 8) != 0 || !accept_header(&header, array)) {
        return flow_fail(error, FLOW_BAD_BUNDLE,
                         "%s: is not an .npy file of version 1.0 with <f4 or <f8 in C order, of at most %d axes", where,
                         FLOW_MAX_RANK);
    }
    const size_t body = size - PREAMBLE - length;
    size_t expected = array->dtype == FLOW_FLOAT32 ? sizeof(float) : sizeof(double);
    for (size_t axis = 0; axis < array->rank; axis++) {
        if (array->shape[axis] > size || (array->shape[axis] != 0 && expected > SIZE_MAX / array->shape[axis]))
            return flow_fail(error, FLOW_BAD_BUNDLE, "%s: its shape is larger than the file", where);
        expected *= array->shape[axis];
    }
    if (body != expected) {
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s: %zu bytes do not fill its shape, which takes %zu", where, body,
                         expected);
    }
    memmove(data, data + PREAMBLE + length, body);
    array->data = data;
    return true;
}
