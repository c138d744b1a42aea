#include "csv.h"
#include "program.h"

#include <math.h>
#include <string.h>

/* A value of the context: a category's name, a category's code, or a number. */
bool parse_context(const flow_context_feature *feature, const char *text, const char *where, float *value,
                   flow_error *error) {
    for (size_t code = 0; code < feature->category_count; code++) {
        if (strcmp(text, feature->categories[code]) == 0) {
            *value = (float)code;
            return true;
        }
    }
    const bool number = parse_number(text, value);
    if (feature->categories &&
        !(number && *value >= 0 && *value < (float)feature->category_count && *value == floorf(*value))) {
        return flow_fail(error, FLOW_UNKNOWN_CATEGORY, "%s: %s: \"%s\" is neither a category nor a code (0 to %zu)",
                         where, feature->name, text, feature->category_count - 1);
    }
    return number ||
           flow_fail(error, FLOW_WRONG_VALUE, "%s: %s: \"%s\" is not a finite number", where, feature->name, text);
}
