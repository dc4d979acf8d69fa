// SPDX-License-Identifier: MIT
// A folder for the files of a test program, made in $TMPDIR (else /tmp): the working directory while its tests run.
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H

// Setup and teardown of a group of tests, which must leave nothing there.
int folder_enter(void **state);
int folder_leave(void **state);

#endif
