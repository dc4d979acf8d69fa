// SPDX-License-Identifier: MIT
// Preloaded where sanitizers run: libraries stay loaded, so that the leak checker can say whose a leak is.
int dlclose(void *library);

int dlclose(void *library) {
    (void)library;
    return 0;
}
