// The parts that a bundle carries; see loader.c. Not there in programs as `swift build` leaves them.
#ifndef BUNDLED_PARTS_H
#define BUNDLED_PARTS_H

struct ctorch_bundled_part {
    const char *folder;   // below lib/, such as "torch-1.13"
    const char *version;  // of the libtorch that it was compiled for, such as "1.13.1"
    const char *soname;   // of a system's libtorch, which the loader finds by it; NULL for a wheel's, found by its folder
};

extern const struct ctorch_bundled_part ctorch_bundled_parts[] __attribute__((weak));
extern const int ctorch_bundled_part_count __attribute__((weak));

#endif
