#include "csv.h"
#include "program.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *column_name(const flow_info *info, size_t column, char room[24]) {
    const bool context = column >= info->width;
    const size_t place = context ? column - info->width : column;
    const char *name = context ? info->context[place].name : info->features ? info->features[place] : NULL;
    snprintf(room, 24, context ? "c%zu" : "x%zu", place);
    return name ? name : room;
}

bool parse_context(const flow_info *info, size_t feature, const char *text, const char *where, float *value,
                   flow_error *error) {
    const flow_context_feature *column = &info->context[feature];
    char room[24];
    const char *name = column_name(info, info->width + feature, room);
    for (size_t code = 0; code < column->category_count; code++) {
        if (strcmp(text, column->categories[code]) == 0) {
            *value = (float)code;
            return true;
        }
    }
    const bool number = parse_number(text, value);
    if (column->categories &&
        !(number && *value >= 0 && *value < (float)column->category_count && *value == floorf(*value))) {
        return flow_fail(error, FLOW_UNKNOWN_CATEGORY, "%s: %s: \"%s\" is neither a category nor a code (0 to %zu)",
                         where, name, text, column->category_count - 1);
    }
    return number || flow_fail(error, FLOW_WRONG_VALUE, "%s: %s: \"%s\" is not a finite number", where, name, text);
}
