/* The inside of a model, for the golden check. */
#ifndef FLOW_MODEL_H
#define FLOW_MODEL_H

#include "bundle.h"
#include "runtime.h"

struct flow_model {
    flow_bundle bundle;
    flow_runtime runtime;
    OrtSession *sessions[2]; /* indexed by flow_graph, as is all below */
    flow_signature signatures[2];
    char *paths[2]; /* of the graphs, for messages */
};

#endif
