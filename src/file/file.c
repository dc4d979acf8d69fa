// SPDX-License-Identifier: MIT
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static vkn_result read_stream(FILE *stream, uint64_t most, void **data, size_t *bytes, char *why, size_t why_bytes) {
    struct stat status;
    if (fstat(fileno(stream), &status) != 0) {
        snprintf(why, why_bytes, "%s", strerror(errno));
        return VKN_IO;
    }
    if (!S_ISREG(status.st_mode)) {
        snprintf(why, why_bytes, "not a regular file");
        return VKN_IO;
    }
    const uint64_t size = (uint64_t)status.st_size;
    if (size > most || size >= SIZE_MAX) {
        snprintf(why, why_bytes, "the file has %" PRIu64 " bytes, at most %" PRIu64 " are read", size, most);
        return VKN_BAD_FILE;
    }
    *data = malloc((size_t)size + 1);
    if (!*data) {
        snprintf(why, why_bytes, "no memory for its %" PRIu64 " bytes", size);
        return VKN_OUT_OF_MEMORY;
    }
    *bytes = fread(*data, 1, (size_t)size, stream);
    if (*bytes != size) {
        snprintf(why, why_bytes, "%zu of %" PRIu64 " bytes read: %s", *bytes, size,
                 ferror(stream) ? strerror(errno) : "it became shorter");
        return VKN_IO;
    }
    return VKN_OK;
}

vkn_result vkn_file_read(const char *path, uint64_t most, void **data, size_t *bytes, char *why, size_t why_bytes) {
    *data = NULL;
    *bytes = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe is refused, not waited for
    FILE *stream = fd >= 0 ? fdopen(fd, "rb") : NULL;
    if (!stream) {
        snprintf(why, why_bytes, "%s", strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return VKN_IO;
    }
    const vkn_result result = read_stream(stream, most, data, bytes, why, why_bytes);
    fclose(stream);
    if (result != VKN_OK) {
        free(*data);
        *data = NULL;
    }
    return result;
}

// Some file systems cannot sync a directory; the file's own bytes are safe by then.
static void sync_directory(const char *path) {
    const char *slash = strrchr(path, '/');
    char *directory = slash ? strdup(path) : strdup(".");
    if (!directory) {
        return;
    }
    if (slash) {
        directory[slash == path ? 1 : slash - path] = '\0';
    }
    const int fd = open(directory, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(directory);
}

// Opens a new file beside `path`, with the mode of any other new file (mkstemp's is narrower).
static FILE *open_beside(const char *path, char *temporary, size_t size) {
    for (int attempt = 0; attempt < 100; attempt++) {
        snprintf(temporary, size, "%s.%ld-%d.tmp", path, (long)getpid(), attempt);
        const int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) {
            FILE *stream = fdopen(fd, "wb");
            if (!stream) {
                close(fd);
                unlink(temporary);
            }
            return stream;
        }
        if (errno != EEXIST) {
            break;
        }
    }
    return NULL;
}

vkn_result vkn_file_replace(const char *path, vkn_file_writer write, const void *user, char *why, size_t why_bytes) {
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        snprintf(why, why_bytes, "there is something that is not a regular file");
        return VKN_IO;
    }
    const size_t size = strlen(path) + 48;
    char *temporary = malloc(size);
    if (!temporary) {
        snprintf(why, why_bytes, "no memory for a file name");
        return VKN_OUT_OF_MEMORY;
    }
    FILE *stream = open_beside(path, temporary, size);
    if (!stream) {
        snprintf(why, why_bytes, "cannot create %s: %s", temporary, strerror(errno));
        free(temporary);
        return VKN_IO;
    }
    bool ok = write(stream, user) && fflush(stream) == 0 && fsync(fileno(stream)) == 0;
    int code = errno;
    if (fclose(stream) != 0 && ok) {
        ok = false;
        code = errno;
    }
    if (ok && rename(temporary, path) != 0) {
        ok = false;
        code = errno;
    }
    if (ok) {
        sync_directory(path);
    } else {
        unlink(temporary);
        snprintf(why, why_bytes, "cannot write: %s", strerror(code));
    }
    free(temporary);
    return ok ? VKN_OK : VKN_IO;
}

vkn_file_name vkn_file_show(const char *path) {
    enum { SHOWN = 120 };
    vkn_file_name name;
    const size_t length = strlen(path);
    const bool whole = length <= SHOWN;
    snprintf(name.text, sizeof name.text, "%s%s", whole ? "" : "...", whole ? path : path + length - SHOWN);
    return name;
}
