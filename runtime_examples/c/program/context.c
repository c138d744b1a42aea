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

/* Whether two texts are the same but for spaces around them. */
static bool same_label(const char *a, const char *b) {
    a += strspn(a, " ");
    b += strspn(b, " ");
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return a[strspn(a, " ")] == '\0' && b[strspn(b, " ")] == '\0';
}

bool parse_context(const flow_info *info, size_t feature, const char *text, bool coded, const char *where,
                   double *value, flow_error *error) {
    const flow_context_feature *column = &info->context[feature];
    char room[24];
    const char *name = column_name(info, info->width + feature, room);
    const bool number = parse_number(text, info->dtype, value);
    for (size_t code = 0; code < column->category_count; code++) {
        double label;
        const bool numeric = parse_number(column->categories[code], FLOW_FLOAT64, &label);
        if ((number && numeric && label == *value) || same_label(text, column->categories[code])) {
            *value = (double)code;
            return true;
        }
        coded = coded && !numeric;
    }
    if (column->categories &&
        !(coded && number && *value >= 0 && *value < (double)column->category_count && *value == floor(*value)))
        return flow_fail(error, FLOW_UNKNOWN_CATEGORY, "%s: %s: \"%s\" is no category", where, name, text);
    return number || flow_fail(error, FLOW_WRONG_VALUE, "%s: %s: \"%s\" is not a finite number", where, name, text);
}
