// The one executable of a bundle: every program of PoseBus, each under its own name, which is a link to this file. One
// copy of the Swift runtime and of Unicode's data serves all of them; six executables would be 400 MB.
//
// deploy/bundle writes programs.inc: PROGRAM("posebus-ingest", Ingest_main) and so on, the person's tool first.
#include <string.h>

#define PROGRAM(name, start) int start(int argc, char **argv);
#include "programs.inc"
#undef PROGRAM

int main(int argc, char **argv) {
    const char *path = argc > 0 ? argv[0] : "";
    const char *slash = strrchr(path, '/');
    const char *called = slash ? slash + 1 : path;
    static const struct {
        const char *name;
        int (*start)(int, char **);
    } programs[] = {
#define PROGRAM(name, start) {name, start},
#include "programs.inc"
    };
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        if (strcmp(called, programs[i].name) == 0) return programs[i].start(argc, argv);
    }
    return programs[0].start(argc, argv);
}
