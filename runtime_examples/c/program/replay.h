/* The golden check: what the trained model said in float64, against what the graphs say here. */
#ifndef REPLAY_H
#define REPLAY_H

#include "flow.h"

/* One line of it. */
typedef struct {
    const char *name;
    bool passed;
    bool refusal;             /* the codes count, not the figures */
    double difference, bound; /* of the number that comes nearest to its bound; samples in units of scale */
    flow_code got, expected;
} golden_check;

/* Replays the bundle's golden cases, and calls report for each. Fails where the bundle is at fault; a case that
 * does not pass is no failure of the function. */
bool replay_golden(const flow_model *model, void (*report)(const golden_check *check, void *user), void *user,
                   flow_error *error);

#endif
