#include "csv.h"
#include "program.h"

#include <stdlib.h>
#include <string.h>

static const char USAGE[] = "usage: flow golden BUNDLE | score BUNDLE | sample BUNDLE N SEED [TEMPERATURE] "
                            "[--context V1,V2,...] | bench BUNDLE; all: [--digest HEX]";

static bool usage(flow_error *error) { return flow_fail(error, FLOW_WRONG_VALUE, "%s", USAGE); }

/* N SEED [TEMPERATURE] [--context V1,V2,…], the option anywhere among them. */
static bool parse_request(char **arguments, int count, sample_request *request, flow_error *error) {
    *request = (sample_request){.temperature = 1};
    int place = 0;
    for (int i = 0; i < count; i++) {
        if (strcmp(arguments[i], "--context") == 0) {
            if (++i == count)
                return usage(error);
            request->context = arguments[i];
        } else if (place < 2) {
            if (!parse_whole(arguments[i], place ? &request->seed : &request->rows)) {
                return flow_fail(error, FLOW_WRONG_VALUE, "%s: expected a whole number below 2^64, got \"%s\"",
                                 place ? "SEED" : "N", arguments[i]);
            }
            place++;
        } else if (place++ == 2) {
            if (!parse_number(arguments[i], FLOW_FLOAT32, &request->temperature)) {
                return flow_fail(error, FLOW_WRONG_VALUE,
                                 "TEMPERATURE: expected a number from 0 to 1000000, got \"%s\"", arguments[i]);
            }
        } else {
            return usage(error);
        }
    }
    return place >= 2 || usage(error);
}

/* Runs a command on its model. passed: whether every golden case did. */
static bool run(int count, char **arguments, bool *passed, flow_error *error) {
    const char *digest = NULL;
    for (int i = 1; i < count; i++)
        if (strcmp(arguments[i], "--digest") == 0) {
            if (i + 1 == count)
                return usage(error);
            digest = arguments[i + 1];
            if (strlen(digest) != 64 || digest[strspn(digest, "0123456789abcdef")])
                return flow_fail(error, FLOW_WRONG_VALUE, "--digest: \"%s\" is no SHA-256 in lower-case hex", digest);
            memmove(arguments + i, arguments + i + 2, (size_t)(count - i - 1) * sizeof *arguments);
            count -= 2;
            break;
        }
    static const char *const commands[] = {"golden", "score", "bench", "sample"};
    enum { GOLDEN, SCORE, BENCH, SAMPLE, UNKNOWN } command = GOLDEN;
    while (command < UNKNOWN && (count < 3 || strcmp(arguments[1], commands[command]) != 0))
        command++;
    sample_request request;
    if (command == UNKNOWN || (command != SAMPLE && count != 3))
        return usage(error);
    if (command == SAMPLE && !parse_request(arguments + 3, count - 3, &request, error))
        return false;
    flow_model *model = flow_open(arguments[2], &(const flow_options){.digest = digest}, error);
    if (!model)
        return false;
    const bool done = command == GOLDEN  ? golden(model, passed, error)
                      : command == SCORE ? score(model, error)
                      : command == BENCH ? bench(model, error)
                                         : sample(model, &request, error);
    flow_close(model);
    return done;
}

int main(int count, char **arguments) {
    flow_error error;
    bool passed = true;
    bool done = run(count, arguments, &passed, &error);
    if (done && (fflush(stdout) != 0 || ferror(stdout)))
        done = flow_fail(&error, FLOW_WRONG_VALUE, "standard output: cannot be written");
    if (!done) {
        fprintf(stderr, "flow: %s\n", error.message);
        return 2;
    }
    return passed ? 0 : 1;
}
