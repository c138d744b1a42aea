#include "error.h"

#include <stdarg.h>
#include <stdio.h>

bool flow_fail(flow_error *error, flow_code code, const char *format, ...) {
    error->code = code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    /* Names of keys and files come from the bundle, and may hold anything. */
    for (char *at = error->message; *at; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f) {
            *at = '?';
        }
    }
    return false;
}

const char *flow_code_name(flow_code code) {
    switch (code) {
    case FLOW_OK:
        return "none";
    case FLOW_WRONG_SHAPE:
        return "wrong_shape";
    case FLOW_MISSING_CONTEXT:
        return "missing_context";
    case FLOW_WRONG_DTYPE:
        return "wrong_dtype";
    case FLOW_UNKNOWN_CATEGORY:
        return "unknown_category";
    case FLOW_WRONG_VALUE:
        return "wrong_value";
    case FLOW_BAD_BUNDLE:
        return "bad_bundle";
    case FLOW_NO_RUNTIME:
        return "no_runtime";
    case FLOW_NO_MEMORY:
        return "no_memory";
    }
    return "unknown";
}
