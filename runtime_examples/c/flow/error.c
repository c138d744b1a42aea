#include "inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool flow_fail(flow_error *error, flow_code code, const char *format, ...) {
    error->code = code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    /* Names of keys and files come from the bundle, and may hold anything. */
    for (char *at = error->message; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    return false;
}

const char *flow_code_name(flow_code code) {
    static const char *const names[] = {"none",        "wrong_shape",      "missing_context",
                                        "wrong_dtype", "unknown_category", "wrong_value",
                                        "bad_bundle",  "no_runtime",       "no_memory"};
    return code >= FLOW_OK && code <= FLOW_NO_MEMORY ? names[code] : "unknown";
}

void *flow_allocate(size_t count, size_t size, flow_error *error) {
    void *array = calloc(count + 1, size);
    if (!array)
        flow_fail(error, FLOW_NO_MEMORY, "out of memory");
    return array;
}
