/* A bundle's folder: flow.json, and files that are held to their hashes. */
#ifndef FLOW_BUNDLE_H
#define FLOW_BUNDLE_H

#include "manifest.h"

/* A file's bytes, and its path for messages. */
typedef struct {
    unsigned char *data;
    size_t size;
    char *path;
} flow_file;

typedef struct {
    char *folder;
    char *real_folder; /* without links */
    flow_manifest manifest;
} flow_bundle;

/* Opens a folder, reads its flow.json, and says where every listed file may be read from: nothing else is read yet.
 * Fails with FLOW_BAD_BUNDLE or FLOW_NO_MEMORY. Afterwards, failed or not, flow_close_bundle is due. */
bool flow_open_bundle(const char *folder, flow_bundle *bundle, flow_error *error);

void flow_close_bundle(flow_bundle *bundle);

/* Reads a listed file whole, and holds the bytes to their hash. Afterwards, failed or not, flow_free_file is due. */
bool flow_read_listed(const flow_bundle *bundle, const char *name, flow_file *file, flow_error *error);

void flow_free_file(flow_file *file);

#endif
