#include "inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool flow_is_utf8(const void *bytes, size_t size) {
    const unsigned char *at = bytes, *end = at + size;
    while (at < end) {
        const int more = *at < 0x80 ? 0 : *at < 0xC2 ? 4 : *at < 0xE0 ? 1 : *at < 0xF0 ? 2 : *at < 0xF5 ? 3 : 4;
        if (end - at <= more || (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xED && at[1] > 0x9F) ||
            (at[0] == 0xF0 && at[1] < 0x90) || (at[0] == 0xF4 && at[1] > 0x8F))
            return false;
        for (int i = 1; i <= more; i++)
            if ((at[i] & 0xC0) != 0x80)
                return false;
        at += more + 1;
    }
    return true;
}

/* Whether a text, which is UTF-8, holds controls, separators of lines, or marks that turn the direction of writing. */
static bool hides(const char *text) {
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        const bool control = *at < 0x20 || *at == 0x7F || (at[0] == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0);
        const bool mark =
            (at[0] == 0xD8 && at[1] == 0x9C) ||
            (at[0] == 0xE2 && at[1] == 0x80 && (at[2] == 0x8E || at[2] == 0x8F || (at[2] >= 0xA8 && at[2] <= 0xAE))) ||
            (at[0] == 0xE2 && at[1] == 0x81 && at[2] >= 0xA6 && at[2] <= 0xA9);
        if (control || mark)
            return true;
    }
    return false;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* The names of an object's keys, sorted, so that equal ones are neighbours. */
static bool check_keys(const cJSON *object, const char *where, flow_error *error) {
    const size_t count = (size_t)cJSON_GetArraySize(object);
    char **names = flow_allocate(count, sizeof *names, error);
    if (!names)
        return false;
    size_t i = 0;
    for (const cJSON *child = object->child; child; child = child->next)
        names[i++] = child->string;
    qsort(names, count, sizeof *names, by_name);
    bool once = true;
    for (i = 1; once && i < count; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            once = flow_fail(error, FLOW_BAD_BUNDLE, "%s: %.200s: is there twice", where, names[i]);
    free(names);
    return once;
}

/* key: the one that a value stands under, for messages. */
static bool check_value(const cJSON *value, const char *key, const char *where, flow_error *error) {
    if (cJSON_IsString(value) && hides(value->valuestring))
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s: %.200s: a text holds a control character, or one that hides",
                         where, key);
    if (cJSON_IsNumber(value) && !isfinite(value->valuedouble))
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s: %.200s: a number is beyond float64", where, key);
    if (cJSON_IsObject(value) && !check_keys(value, where, error))
        return false;
    for (const cJSON *child = cJSON_IsObject(value) || cJSON_IsArray(value) ? value->child : NULL; child;
         child = child->next) {
        if (child->string && hides(child->string))
            return flow_fail(error, FLOW_BAD_BUNDLE, "%s: %.200s: a key holds a control character, or one that hides",
                             where, key);
        if (!check_value(child, child->string ? child->string : key, where, error))
            return false;
    }
    return true;
}

bool flow_one_reading(const cJSON *root, const char *text, size_t size, const char *where, flow_error *error) {
    if (strncmp(text, "\xEF\xBB\xBF", 3) == 0)
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s: begins with a byte order mark", where);
    if (!flow_is_utf8(text, size))
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s: is not UTF-8", where);
    /* cJSON would end a text there. */
    const char *nought = strstr(text, "\\u0000");
    if (nought)
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s: features, or another text, holds a NUL (at byte %td)", where,
                         nought - text);
    return check_value(root, "", where, error);
}
