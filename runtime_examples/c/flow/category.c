#include "inside.h"

#include <stdlib.h>
#include <string.h>

/* Whether a text is a decimal number, perhaps with spaces around it. strtod reads hexadecimal, "inf" and "nan" too. */
static bool is_number(const char *text, double *number) {
    char *end;
    *number = strtod(text, &end);
    return end != text && end[strspn(end, " ")] == '\0' && text[strspn(text, " +-.0123456789eE")] == '\0';
}

/* Whether two texts are the same but for spaces around them. */
static bool is_same(const char *a, const char *b) {
    a += strspn(a, " ");
    b += strspn(b, " ");
    for (; *a && *a == *b; a++)
        b++;
    return a[strspn(a, " ")] == '\0' && b[strspn(b, " ")] == '\0';
}

bool flow_category(const flow_model *model, const char *column, const char *label, float *code, flow_error *error) {
    const flow_info *info = &model->manifest.info;
    const flow_context_feature *feature = info->context, *end = feature + info->context_size;
    while (feature < end && !(feature->categories && strcmp(feature->name, column) == 0))
        feature++;
    if (feature == end)
        return flow_fail(error, FLOW_WRONG_VALUE, "context: no column \"%s\" has categories", column);
    for (size_t i = 0; i < feature->category_count; i++) {
        double one, other;
        const char *each = feature->categories[i];
        if (is_same(label, each) || (is_number(label, &one) && is_number(each, &other) && one == other)) {
            *code = (float)i;
            return true;
        }
    }
    return flow_fail(error, FLOW_UNKNOWN_CATEGORY, "context: %s: \"%s\" is no category", column, label);
}
