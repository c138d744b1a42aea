#include "json.h"

#include "error.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Writes the keys that lead from node to value, and says whether it is there at all. cJSON keeps no parents, and a
 * path is wanted only once, when a document is refused. */
static bool find_path(const cJSON *node, const cJSON *value, const char *separator, char *path, size_t size) {
    if (node == value) {
        return true;
    }
    size_t index = 0;
    const cJSON *child;
    cJSON_ArrayForEach(child, node) {
        const int length = cJSON_IsArray(node) ? snprintf(path, size, "[%zu]", index++)
                                               : snprintf(path, size, "%s%s", separator, child->string);
        const size_t used = (size_t)length < size ? (size_t)length : size - 1;
        if (find_path(child, value, ".", path + used, size - used)) {
            return true;
        }
    }
    *path = '\0';
    return false;
}

bool flow_refuse(const flow_document *document, const cJSON *value, const char *format, ...) {
    char path[400] = "", reason[400];
    find_path(document->root, value, "", path, sizeof path);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    return flow_fail(document->error, FLOW_BAD_BUNDLE, "%s: %s%s%s", document->where, path, *path ? ": " : "", reason);
}

/* Refuses a value that is something else than was expected. */
static bool refuse_value(const flow_document *document, const cJSON *value, const char *expected) {
    char *shown = cJSON_PrintUnformatted(value);
    flow_refuse(document, value, "expected %s, got %.60s", expected, shown ? shown : "something else");
    cJSON_free(shown);
    return false;
}

const cJSON *flow_key(const flow_document *document, const cJSON *object, const char *name) {
    if (!flow_take_object(document, object)) {
        return NULL;
    }
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!value) {
        const char *separator = object == document->root ? "" : ".";
        char path[400] = "";
        find_path(document->root, object, "", path, sizeof path);
        flow_fail(document->error, FLOW_BAD_BUNDLE, "%s: %s%s%s: is missing", document->where, path, separator, name);
    }
    return value;
}

bool flow_take_object(const flow_document *document, const cJSON *value) {
    return value && (cJSON_IsObject(value) || refuse_value(document, value, "an object"));
}

bool flow_take_text(const flow_document *document, const cJSON *value, const char **text) {
    *text = cJSON_GetStringValue(value);
    return value && (*text || refuse_value(document, value, "text"));
}

bool flow_take_number(const flow_document *document, const cJSON *value, double least, double *number) {
    if (!value) {
        return false;
    }
    *number = cJSON_IsNumber(value) ? value->valuedouble : NAN;
    /* The text of a number may be larger than a float64. */
    if (isfinite(*number) && *number >= least) {
        return true;
    }
    char expected[60] = "a finite number";
    if (isfinite(least)) {
        snprintf(expected, sizeof expected, "a finite number from %g", least);
    }
    return refuse_value(document, value, expected);
}

bool flow_take_size(const flow_document *document, const cJSON *value, size_t least, size_t most, size_t *size) {
    if (!value) {
        return false;
    }
    const double number = cJSON_IsNumber(value) ? value->valuedouble : NAN;
    if (number >= (double)least && number <= (double)most && number == floor(number)) {
        *size = (size_t)number;
        return true;
    }
    char expected[80];
    snprintf(expected, sizeof expected, "a whole number from %zu to %zu", least, most);
    return refuse_value(document, value, expected);
}

bool flow_take_list(const flow_document *document, const cJSON *value, size_t least, size_t most, size_t *count) {
    if (!value || (!cJSON_IsArray(value) && !refuse_value(document, value, "a list"))) {
        return false;
    }
    *count = (size_t)cJSON_GetArraySize(value);
    if (*count >= least && *count <= most) {
        return true;
    }
    return least == most ? flow_refuse(document, value, "expected %zu entries, got %zu", least, *count)
                         : flow_refuse(document, value, "expected %zu to %zu entries, got %zu", least, most, *count);
}

bool flow_take_word(const flow_document *document, const cJSON *value, const char *const words[], size_t *place) {
    const char *text;
    if (!flow_take_text(document, value, &text)) {
        return false;
    }
    char expected[120] = "";
    for (*place = 0; words[*place]; ++*place) {
        if (strcmp(text, words[*place]) == 0) {
            return true;
        }
        const size_t used = strlen(expected);
        snprintf(expected + used, sizeof expected - used, "%s\"%s\"", *place ? " or " : "", words[*place]);
    }
    return refuse_value(document, value, expected);
}

bool flow_take_file(const flow_document *document, const cJSON *value, const char **name) {
    const cJSON *files = cJSON_GetObjectItemCaseSensitive(document->root, "files");
    return flow_take_text(document, value, name) &&
           (cJSON_GetObjectItemCaseSensitive(files, *name) ||
            flow_refuse(document, value, "\"%s\" is not listed in files", *name));
}

void *flow_allocate(const flow_document *document, size_t count, size_t size) {
    void *array = calloc(count ? count : 1, size);
    if (!array) {
        flow_fail(document->error, FLOW_NO_MEMORY, "%s: out of memory", document->where);
    }
    return array;
}
