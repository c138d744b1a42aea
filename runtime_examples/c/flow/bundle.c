#include "inside.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const size_t MANIFEST_BYTES = 4u << 20;
/* The limit of one protobuf message, and so of every file of a bundle. */
static const size_t FILE_BYTES = ((size_t)2 << 30) - 1;

/* Reads a file of the folder, of at most limit bytes. reason: for the message where it is not there. */
static bool read_file(const flow_model *model, const char *name, size_t limit, const char *reason, unsigned char **data,
                      size_t *size, flow_error *error) {
    const size_t length = strlen(model->real_folder);
    char path[PATH_MAX], real[PATH_MAX];
    struct stat status;
    *data = NULL;
    errno = ENAMETOOLONG;
    if (snprintf(path, sizeof path, "%s/%s", model->folder, name) >= PATH_MAX || !realpath(path, real) ||
        stat(real, &status) != 0)
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s/%s: %s (%s)", model->folder, name, reason, strerror(errno));
    if (strncmp(real, model->real_folder, length) != 0 || (length > 1 && real[length] != '/'))
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s: files: leaves the folder by a link", path);
    if (!S_ISREG(status.st_mode)) /* a pipe would be waited for */
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s: is not a file", path);
    *size = (size_t)status.st_size;
    if (*size > limit)
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s: is larger than %zu bytes", path, limit);
    if (!(*data = calloc(*size + 1, 1)))
        return flow_fail(error, FLOW_NO_MEMORY, "out of memory");
    FILE *stream = fopen(real, "rb");
    const bool whole = stream && fread(*data, 1, *size, stream) == *size;
    if (stream)
        fclose(stream);
    return whole || flow_fail(error, FLOW_BAD_BUNDLE, "%s: %s (%s)", path, reason, strerror(errno));
}

bool flow_open_folder(const char *folder, flow_model *model, flow_error *error) {
    char where[PATH_MAX + 10];
    unsigned char *text;
    size_t size;
    errno = ENAMETOOLONG;
    if (snprintf(model->folder, PATH_MAX, "%s", folder) >= PATH_MAX || !realpath(folder, model->real_folder))
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s: no such bundle (%s)", folder, strerror(errno));
    snprintf(where, sizeof where, "%s/flow.json", folder);
    const bool done =
        read_file(model, "flow.json", MANIFEST_BYTES, "cannot be read; is this a bundle?", &text, &size, error) &&
        flow_read_manifest((const char *)text, size, where, &model->manifest, error);
    free(text);
    return done;
}

bool flow_read_listed(const flow_model *model, const char *name, unsigned char **data, size_t *size,
                      flow_error *error) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    char found[65] = "";
    if (!read_file(model, name, FILE_BYTES, "files: is listed and cannot be read", data, size, error))
        return false;
    if (EVP_Digest(*data, *size, digest, NULL, EVP_sha256(), NULL) != 1)
        return flow_fail(error, FLOW_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < 32; i++)
        snprintf(found + 2 * i, 3, "%02x", digest[i]);
    const char *expected = flow_key(flow_key(model->manifest.root, "files"), name)->valuestring;
    return strcmp(found, expected) == 0 ||
           flow_fail(error, FLOW_BAD_BUNDLE, "%s/%s: files: hash differs (expected %.12s…, found %.12s…)",
                     model->folder, name, expected, found);
}
