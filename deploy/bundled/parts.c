// The parts for several libtorches that a bundle carries: see Sources/CTorch/loader.c.
//
// deploy/bundle writes parts.inc: PART("torch-1.13", "1.13.1", "libtorch_cpu.so.1.13") for a system's libtorch, found by
// that name; PART("torch-2.13", "2.13.0", NULL) for the one in a PyPI wheel, found by its folder.
#include "bundled_parts.h"

#include <stddef.h>

const struct ctorch_bundled_part ctorch_bundled_parts[] = {
#define PART(folder, version, soname) {folder, version, soname},
#include "parts.inc"
#undef PART
};
const int ctorch_bundled_part_count = sizeof ctorch_bundled_parts / sizeof ctorch_bundled_parts[0];
