#include "bundle.h"

#include "error.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const size_t MANIFEST_BYTES = 4u << 20;
/* The limit of one protobuf message, and so of every file of a bundle. */
static const size_t FILE_BYTES = ((size_t)2 << 30) - 1;

static bool out_of_memory(const char *where, flow_error *error) {
    return flow_fail(error, FLOW_NO_MEMORY, "%s: out of memory", where);
}

/* Reads an open file of at most limit bytes, and puts a NUL behind them. */
static bool read_open(int handle, size_t limit, flow_file *file, flow_error *error) {
    struct stat status;
    if (fstat(handle, &status) != 0 || !S_ISREG(status.st_mode)) {
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s: is not a file", file->path);
    }
    const size_t expected = (size_t)status.st_size;
    if (expected > limit) {
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s: is larger than %zu bytes", file->path, limit);
    }
    if (!(file->data = malloc(expected + 1))) {
        return out_of_memory(file->path, error);
    }
    while (file->size < expected) {
        const ssize_t taken = read(handle, file->data + file->size, expected - file->size);
        if (taken < 0 && errno == EINTR) {
            continue;
        }
        if (taken <= 0) {
            return flow_fail(error, FLOW_BAD_BUNDLE, "%s: cannot be read (%s)", file->path,
                             taken ? strerror(errno) : "it ends early");
        }
        file->size += (size_t)taken;
    }
    file->data[expected] = '\0';
    return true;
}

/* Reads a file by its name in the folder. reason: which key wants it, for the message where it is not there. */
static bool read_file(const flow_bundle *bundle, const char *name, size_t limit, const char *reason, flow_file *file,
                      flow_error *error) {
    memset(file, 0, sizeof *file);
    const size_t size = strlen(bundle->folder) + strlen(name) + 2;
    if (!(file->path = malloc(size))) {
        return out_of_memory(bundle->folder, error);
    }
    snprintf(file->path, size, "%s/%s", bundle->folder, name);
    char *real = realpath(file->path, NULL);
    /* Not blocking: a pipe is refused, not waited for. */
    const int handle = real ? open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (handle < 0) {
        flow_fail(error, FLOW_BAD_BUNDLE, "%s: %s (%s)", file->path, reason, strerror(errno));
        free(real);
        return false;
    }
    const size_t length = strlen(bundle->real_folder);
    const bool inside = strncmp(real, bundle->real_folder, length) == 0 && (length == 1 || real[length] == '/');
    free(real);
    const bool done = inside ? read_open(handle, limit, file, error)
                             : flow_fail(error, FLOW_BAD_BUNDLE, "%s: files: leaves the folder by a link", file->path);
    close(handle);
    return done;
}

bool flow_open_bundle(const char *folder, flow_bundle *bundle, flow_error *error) {
    memset(bundle, 0, sizeof *bundle);
    if (!(bundle->folder = strdup(folder))) {
        return out_of_memory(folder, error);
    }
    if (!(bundle->real_folder = realpath(folder, NULL))) {
        return flow_fail(error, FLOW_BAD_BUNDLE, "%s: no such bundle (%s)", folder, strerror(errno));
    }
    flow_file file;
    const bool done =
        read_file(bundle, "flow.json", MANIFEST_BYTES, "cannot be read; is this a bundle?", &file, error) &&
        flow_read_manifest((const char *)file.data, file.size, file.path, &bundle->manifest, error);
    flow_free_file(&file);
    return done;
}

void flow_close_bundle(flow_bundle *bundle) {
    free(bundle->folder);
    free(bundle->real_folder);
    flow_free_manifest(&bundle->manifest);
}

bool flow_read_listed(const flow_bundle *bundle, const char *name, flow_file *file, flow_error *error) {
    if (!read_file(bundle, name, FILE_BYTES, "files: is listed and cannot be read", file, error)) {
        return false;
    }
    unsigned char digest[EVP_MAX_MD_SIZE];
    char found[2 * EVP_MAX_MD_SIZE + 1];
    unsigned int size;
    if (EVP_Digest(file->data, file->size, digest, &size, EVP_sha256(), NULL) != 1) {
        return out_of_memory(file->path, error);
    }
    for (unsigned int i = 0; i < size; i++) {
        snprintf(found + 2 * (size_t)i, 3, "%02x", digest[i]);
    }
    const char *expected = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(bundle->manifest.files, name));
    return strcmp(found, expected) == 0 ||
           flow_fail(error, FLOW_BAD_BUNDLE, "%s: files: hash differs (expected %.12s…, found %.12s…)", file->path,
                     expected, found);
}

void flow_free_file(flow_file *file) {
    free(file->data);
    free(file->path);
}
