#include "program.h"
#include "replay.h"

#include <stdio.h>

typedef struct {
    unsigned long passed, failed;
} tally;

static void print_check(const golden_check *check, void *user) {
    tally *counts = user;
    printf("%s\t", check->name);
    if (check->refusal)
        printf("%s\t%s", flow_code_name(check->got), flow_code_name(check->expected));
    else
        printf("%.3g\t%.3g", check->difference, check->bound);
    puts(check->passed ? "\tpassed" : "\tfailed");
    ++*(check->passed ? &counts->passed : &counts->failed);
}

/* passed: whether every case did. */
bool golden(const flow_model *model, bool *passed, flow_error *error) {
    tally counts = {0, 0};
    if (!replay_golden(model, print_check, &counts, error))
        return false;
    printf("passed %lu, failed %lu\n", counts.passed, counts.failed);
    *passed = counts.failed == 0;
    return true;
}
