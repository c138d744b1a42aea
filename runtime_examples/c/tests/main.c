#include "tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *slurp(const char *path, size_t *size) {
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    fseek(stream, 0, SEEK_END);
    *size = (size_t)ftell(stream);
    rewind(stream);
    char *text = malloc(*size + 1);
    assert_int_equal(fread(text, 1, *size, stream), *size);
    text[*size] = '\0';
    fclose(stream);
    return text;
}

char *replaced(const char *text, const char *part, const char *by) {
    const char *found = strstr(text, part);
    assert_non_null(found);
    assert_null(strstr(found + 1, part));
    const size_t size = strlen(text) - strlen(part) + strlen(by) + 1;
    char *result = malloc(size);
    snprintf(result, size, "%.*s%s%s", (int)(found - text), text, by, found + strlen(part));
    return result;
}

void assert_error(const flow_error *error, flow_code code, const char *part) {
    assert_string_equal(flow_code_name(error->code), flow_code_name(code));
    if (!strstr(error->message, part))
        fail_msg("\"%s\" is not in \"%s\"", part, error->message);
    assert_null(strchr(error->message, '\n'));
}

int main(void) {
    const int failed = test_noise() + test_manifest() + test_bundle() + test_model();
    return failed != 0;
}
