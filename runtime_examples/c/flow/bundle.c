#include "inside.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const size_t MANIFEST_BYTES = 4u << 20;
/* The limit of one protobuf message, and so of every file of a bundle. */
static const size_t FILE_BYTES = ((size_t)2 << 30) - 1;

static bool refuse(const flow_model *model, const char *name, const char *reason, flow_error *error) {
    return flow_fail(error, FLOW_BAD_BUNDLE, "%s/%s: cannot be read: %s", model->folder, name, reason);
}

/* Reads a file of the folder, of at most limit bytes, with a NUL behind it. */
static bool read_file(const flow_model *model, const char *name, size_t limit, unsigned char **data, size_t *size,
                      flow_error *error) {
    char folder[PATH_MAX], path[PATH_MAX], real[PATH_MAX];
    struct stat status;
    *data = NULL;
    errno = ENAMETOOLONG;
    if (snprintf(path, sizeof path, "%s/%s", model->folder, name) >= PATH_MAX || !realpath(model->folder, folder) ||
        !realpath(path, real) || stat(real, &status) != 0)
        return refuse(model, name, strerror(errno), error);
    const size_t length = strlen(folder);
    if (strncmp(real, folder, length) != 0 || (length > 1 && real[length] != '/'))
        return refuse(model, name, "a link leads out of the folder", error);
    if (!S_ISREG(status.st_mode)) /* a pipe would be waited for */
        return refuse(model, name, "it is not a file", error);
    *size = (size_t)status.st_size;
    if (*size > limit)
        return refuse(model, name, "it is too large", error);
    if (!(*data = flow_allocate(*size, 1, error)))
        return false;
    FILE *stream = fopen(real, "rb");
    const bool whole = stream && fread(*data, 1, *size, stream) == *size;
    if (stream)
        fclose(stream);
    return whole || refuse(model, name, strerror(errno), error);
}

/* The SHA-256 of bytes, in lower-case hex. */
static void hash(const unsigned char *data, size_t size, char hex[2 * SHA256_DIGEST_LENGTH + 1]) {
    unsigned char digest[SHA256_DIGEST_LENGTH] = {0};
    SHA256(data, size, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

static bool check_digest(const char *digest, const unsigned char *text, size_t size, const char *where,
                         flow_error *error) {
    char found[2 * SHA256_DIGEST_LENGTH + 1];
    hash(text, size, found);
    return !digest || strcmp(found, digest) == 0 ||
           flow_fail(error, FLOW_BAD_BUNDLE, "%s: digest: expected %.12s…, found %.12s…", where, digest, found);
}

bool flow_open_folder(const char *folder, const char *digest, flow_model *model, flow_error *error) {
    char where[PATH_MAX + 10];
    unsigned char *text;
    size_t size;
    snprintf(model->folder, sizeof model->folder, "%s", folder);
    snprintf(where, sizeof where, "%s/flow.json", folder);
    const bool done = read_file(model, "flow.json", MANIFEST_BYTES, &text, &size, error) &&
                      check_digest(digest, text, size, where, error) &&
                      flow_read_manifest((const char *)text, size, where, &model->manifest, error);
    free(text);
    return done;
}

bool flow_read_listed(const flow_model *model, const char *name, unsigned char **data, size_t *size,
                      flow_error *error) {
    char found[2 * SHA256_DIGEST_LENGTH + 1];
    if (!read_file(model, name, FILE_BYTES, data, size, error))
        return false;
    hash(*data, *size, found);
    const char *expected = flow_key(flow_key(model->manifest.root, "files"), name)->valuestring;
    return strcmp(found, expected) == 0 ||
           flow_fail(error, FLOW_BAD_BUNDLE, "%s/%s: files: hash differs (expected %.12s…, found %.12s…)",
                     model->folder, name, expected, found);
}
