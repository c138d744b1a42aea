#include "run.h"

#include "flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_WORDS = 8, LONGEST_LINE = 4096 };

/* A request: its words, and up to two arrays; a text is one of bytes, with a NUL behind it. */
typedef struct {
    char *words[MOST_WORDS];
    flow_array arrays[2];
    void *data[2];
} request;

static int answer_error(const flow_error *error) {
    printf("error %s %s\n", flow_code_name(error->code), error->message);
    return 2;
}

static void answer(const char *kind, const void *data, size_t size, size_t count) {
    printf("%s:%zu\n", kind, count);
    fwrite(data, size, count, stdout);
}

/* Reads the array that a word announces, such as f4:3,2, behind the line; "-" is none. */
static bool read_array(const char *word, flow_array *array, void **data) {
    *array = (flow_array){.dtype = word[1] == '8' ? FLOW_FLOAT64 : FLOW_FLOAT32};
    size_t bytes = word[0] == 'u' ? 1 : flow_size(array->dtype);
    if (strcmp(word, "-") == 0)
        return true;
    for (const char *axis = strchr(word, ':'); axis; axis = strchr(axis + 1, ',')) {
        const size_t length = strtoull(axis + 1, NULL, 10);
        bytes *= length;
        if (array->rank < FLOW_MAX_RANK)
            array->shape[array->rank++] = length;
    }
    array->data = *data = calloc(bytes + 1, 1);
    return *data && fread(*data, 1, bytes, stdin) == bytes;
}

/* Cuts a line into its words, and reads the arrays that the last of them announce. */
static bool read_request(char *line, request *asked) {
    size_t count = 0, arrays = 0;
    *asked = (request){.words = {""}};
    for (char *word = strtok(line, " \n"); word && count < MOST_WORDS; word = strtok(NULL, " \n")) {
        if (strcmp(word, "-") == 0 || strchr(word, ':')) {
            if (arrays == 2 || !read_array(word, &asked->arrays[arrays], &asked->data[arrays]))
                return false;
            arrays++;
        } else {
            asked->words[count++] = word;
        }
    }
    return true;
}

static uint64_t whole(const char *word) { return word ? strtoull(word, NULL, 10) : 0; }

/* Does what the words say; out has room for the answer. */
static bool perform(const flow_model *model, char *const *words, const request *asked, void *out, flow_error *error) {
    const flow_array *first = &asked->arrays[0], *context = &asked->arrays[1];
    const char *verb = words[0];
    if (!context->data)
        context = NULL;
    if (strcmp(verb, "log_prob") == 0)
        return flow_log_prob(model, first, context, out, error);
    if (strcmp(verb, "sample_from") == 0)
        return flow_sample_from(model, first, context, out, error);
    if (strcmp(verb, "sample") == 0)
        return flow_sample(model, whole(words[1]), whole(words[2]), whole(words[3]), strtod(words[4], NULL),
                           first->data ? first : NULL, out, error);
    if (strcmp(verb, "percentile") == 0)
        return flow_percentile(model, first->data, first->shape[0], out, error);
    if (strcmp(verb, "category") == 0)
        return flow_category(model, first->data, context ? context->data : "", out, error);
    flow_normals(whole(words[1]), whole(words[2]), whole(words[3]), out);
    return true;
}

/* Microseconds of each of so many calls. */
static bool time_calls(const flow_model *model, const request *asked, void *out, double *times, flow_error *error) {
    struct timespec before, after;
    for (uint64_t call = 0; call < whole(asked->words[1]); call++) {
        clock_gettime(CLOCK_MONOTONIC, &before);
        if (!perform(model, asked->words + 2, asked, out, error))
            return false;
        clock_gettime(CLOCK_MONOTONIC, &after);
        times[call] = (double)(after.tv_sec - before.tv_sec) * 1e6 + (double)(after.tv_nsec - before.tv_nsec) / 1e3;
    }
    return true;
}

/* Answers one request; false where memory ends. */
static bool answer_request(const flow_model *model, const request *asked) {
    const flow_info *info = flow_describe(model);
    const bool timed = strcmp(asked->words[0], "time") == 0;
    char *const *words = asked->words + 2 * timed;
    const char *verb = words[0] ? words[0] : "";
    const bool wide = strcmp(verb, "percentile") == 0,
               narrow = strcmp(verb, "normals") == 0 || strcmp(verb, "category") == 0;
    const char *kind = wide || (!narrow && info->dtype == FLOW_FLOAT64) ? "f8" : "f4";
    const size_t count = strcmp(verb, "normals") == 0       ? whole(words[3])
                         : strcmp(verb, "category") == 0    ? 1
                         : strcmp(verb, "sample") == 0      ? whole(words[1]) * info->width
                         : strcmp(verb, "sample_from") == 0 ? asked->arrays[0].shape[0] * info->width
                                                            : asked->arrays[0].shape[0];
    const uint64_t calls = timed ? whole(asked->words[1]) : 0;
    void *out = calloc(count + 1, sizeof(double));
    double *times = calloc(calls + 1, sizeof *times);
    flow_error error;
    if (out && times) {
        if (!(timed ? time_calls(model, asked, out, times, &error) : perform(model, words, asked, out, &error)))
            answer_error(&error);
        else if (timed)
            answer("f8", times, sizeof *times, calls);
        else
            answer(kind, out, kind[1] == '8' ? sizeof(double) : sizeof(float), count);
    }
    const bool done = out && times && fflush(stdout) == 0;
    free(out);
    free(times);
    return done;
}

int run(const char *folder, const char *digest) {
    flow_error error;
    flow_model *model = flow_open(folder, &(const flow_options){.digest = digest}, &error);
    if (!model)
        return answer_error(&error);
    answer("f4", "", 0, 0);
    char line[LONGEST_LINE];
    bool more = fflush(stdout) == 0;
    while (more && fgets(line, sizeof line, stdin)) {
        request asked;
        more = read_request(line, &asked) && answer_request(model, &asked);
        free(asked.data[0]);
        free(asked.data[1]);
    }
    flow_close(model);
    return more ? 0 : 2;
}
