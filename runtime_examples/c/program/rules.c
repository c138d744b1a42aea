#include "rules.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* One rule on its way through a document. */
typedef struct {
    const cJSON *root;
    const json_rule *rule;
    const char *where;
    char path[400]; /* of the value that it has come to */
    flow_error *error;
} walk;

static bool fits(const walk *at, const cJSON *value) {
    const json_rule *rule = at->rule;
    const char *text = cJSON_GetStringValue(value);
    const double number = cJSON_IsArray(value) ? cJSON_GetArraySize(value) : value->valuedouble;
    const bool in_range = number >= rule->least && number <= rule->most;
    switch (rule->kind) {
    case JSON_OBJECT:
        return cJSON_IsObject(value);
    case JSON_LIST:
        return cJSON_IsArray(value) && in_range;
    case JSON_FILE:
        return text && flow_key(flow_key(at->root, "files"), text);
    case JSON_TRUTH:
        return cJSON_IsBool(value);
    case JSON_NUMBER:
        return cJSON_IsNumber(value) && in_range;
    case JSON_WHOLE:
        return cJSON_IsNumber(value) && in_range && number == floor(number);
    default:
        return text && (!rule->word || strcmp(text, rule->word) == 0);
    }
}

static bool check_value(const walk *at, const cJSON *value) {
    static const char *const kinds[] = {"an object",
                                        "a list of %.0f to %.0f entries",
                                        "text",
                                        "a file that is listed in files",
                                        "true or false",
                                        "a number from %g to %g",
                                        "a whole number from %.0f to %.0f"};
    if (fits(at, value))
        return true;
    char expected[100], *got = cJSON_PrintUnformatted(value);
    snprintf(expected, sizeof expected, at->rule->word ? at->rule->word : kinds[at->rule->kind], at->rule->least,
             at->rule->most);
    flow_fail(at->error, FLOW_BAD_BUNDLE, "%s: %s: expected %s, got %.60s", at->where, at->path, expected,
              got ? got : "something else");
    cJSON_free(got);
    return false;
}

/* Goes down from value along the rest of the rule's path. used: characters of at->path so far. */
static bool descend(walk *at, const cJSON *value, const char *rest, size_t used) {
    char *const end = at->path + used;
    const size_t room = sizeof at->path - used;
    if (!*rest || *rest == '?' || *rest == '~')
        return (*rest == '~' && cJSON_IsNull(value)) || check_value(at, value);
    if (strncmp(rest, "[]", 2) == 0 || strncmp(rest, ".*", 2) == 0) {
        size_t index = 0;
        const cJSON *child;
        cJSON_ArrayForEach(child, value) {
            child->string ? snprintf(end, room, ".%s", child->string) : snprintf(end, room, "[%zu]", index++);
            if (!descend(at, child, rest + 2, used + strlen(end)))
                return false;
        }
        return true;
    }
    const size_t dot = *rest == '.', length = dot + strcspn(rest + dot, ".[?~");
    snprintf(end, room, "%.*s", (int)length, rest);
    const cJSON *child = flow_key(value, end + dot);
    if (child)
        return descend(at, child, rest + length, used + strlen(end));
    /* What is missing on the way is told, or allowed, by its own rule. */
    return !cJSON_IsObject(value) || (rest[length] && rest[length] != '~') ||
           flow_fail(at->error, FLOW_BAD_BUNDLE, "%s: %s: is missing", at->where, at->path);
}

bool check_rules(const cJSON *root, const char *where, const json_rule *rules, size_t count, flow_error *error) {
    walk at = {.root = root, .where = where, .error = error};
    for (at.rule = rules; at.rule < rules + count; at.rule++)
        if (!descend(&at, root, at.rule->path, 0))
            return false;
    return true;
}
