/* How errors are filled. */
#ifndef FLOW_ERROR_H
#define FLOW_ERROR_H

#include "flow.h"

/* Fills *error with a message of one line, and returns false. */
__attribute__((format(printf, 3, 4))) bool flow_fail(flow_error *error, flow_code code, const char *format, ...);

#endif
