// SPDX-License-Identifier: MIT
#include "folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[4096];

int folder_enter(void **state) {
    (void)state;
    const char *parent = getenv("TMPDIR");
    int length = snprintf(folder, sizeof folder, "%s/vknorm-XXXXXX", parent && *parent ? parent : "/tmp");
    return length < (int)sizeof folder && mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

int folder_leave(void **state) {
    (void)state;
    return chdir("/") == 0 ? rmdir(folder) : -1;
}
