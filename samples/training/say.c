// SPDX-License-Identifier: MIT
#include "say.h"

#include <stdarg.h>
#include <stdio.h>

static const char *name = "training";

void training_name(const char *program) {
    name = program;
}

void training_say(const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s: %s\n", name, text);
}

bool training_flush(void) {
    if (fflush(stdout) == 0 && !ferror(stdout)) return true;
    training_say("the output could not be written");
    return false;
}
