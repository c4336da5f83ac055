// Loads libtorch before the first test begins, as programs do before they compute.
#include "ctorch.h"

#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor)) static void open_torch(void) {
    const char *warning;
    if (ctorch_open(NULL, &warning) == 0) return;
    fprintf(stderr, "tests that need libtorch cannot run: %s\n", ctorch_last_error());
    exit(1);
}
