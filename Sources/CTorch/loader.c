// No program is linked with libtorch: it brings up to three hundred libraries, which take half a second to load and which
// only HMR2 needs. Every function of ctorch.h jumps to the one in a shared object, the part, that was compiled against one
// libtorch. ctorch_open loads both.
//
// - As `swift build` leaves it, there is one part: libposebus-ctorch.so (Sources/CTorchPart) beside the programs, linked
//   with the libtorch that POSEBUS_TORCH named when it was built.
// - A bundle has several, in lib/torch-VERSION, and takes the one for the libtorch found on the machine. deploy/bundle
//   links bundled_parts.c in, which lists them.
#define _GNU_SOURCE
#include "bundled_parts.h"
#include "ctorch.h"

#include <dlfcn.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void unopened(void) {
    fputs("a function of libtorch was called before ctorch_open\n", stderr);
    abort();
}

#if defined(__x86_64__)
#define JUMP(name) "jmp *slot_" #name "(%rip)\n"
#elif defined(__aarch64__)
#define JUMP(name) "adrp x16, slot_" #name "\nldr x16, [x16, :lo12:slot_" #name "]\nbr x16\n"
#else
#error "how to jump to an address in memory is not written down for this processor"
#endif

#define FUNCTION(name)                                         \
    __attribute__((used)) static void *slot_##name = unopened; \
    __asm__(".pushsection .text\n"                             \
            ".globl " #name "\n"                               \
            ".type " #name ", %function\n"                     \
            ".balign 4\n"                                      \
            #name ": " JUMP(name)                              \
            ".size " #name ", . - " #name "\n"                 \
            ".popsection\n");
#include "functions.inc"
#undef FUNCTION

static int is_open;
static const char *(*loaded_last_error)(void);
static int32_t (*loaded_cuda_device_count)(void);

// ctorch_open is called once, before there are threads that could fail beside it.
static char message[2 * PATH_MAX + 1024];

static ctorch_status fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return 1;
}

const char *ctorch_last_error(void) { return is_open ? loaded_last_error() : message; }

/// None as long as no libtorch is open: only hmr2 needs either.
int32_t ctorch_cuda_device_count(void) { return is_open ? loaded_cuda_device_count() : 0; }

/// "libtorch 1.13.1 of the system (apt-get install …) or …": what this bundle was built for.
static const char *supported(void) {
    static char text[1024];
    size_t length = 0;
    for (int i = 0; i < ctorch_bundled_part_count; i++) {
        const char *joint = i == 0 ? "" : ", or ";
        int written = ctorch_bundled_parts[i].soname
            ? snprintf(text + length, sizeof text - length,
                       "%slibtorch %s of the system (on Debian 12: apt-get install libtorch1.13 libopenblas0-pthread)",
                       joint, ctorch_bundled_parts[i].version)
            : snprintf(text + length, sizeof text - length,
                       "%sthat of PyPI's torch %s (pip install torch==%s, then --torch …/site-packages/torch)", joint,
                       ctorch_bundled_parts[i].version, ctorch_bundled_parts[i].version);
        if (written < 0 || (size_t)written >= sizeof text - length) break;
        length += (size_t)written;
    }
    return text;
}

/// The folder that this program lies in.
static int program_folder(char folder[PATH_MAX]) {
    ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    if (length <= 0) return 0;
    folder[length] = 0;
    char *slash = strrchr(folder, '/');
    if (slash) *slash = 0;
    return slash != NULL;
}

/// Loads a part, and the libtorch that it is linked with where that is not in the process yet, and fills the slots from it.
static ctorch_status load(const char *file, const char *what) {
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!library) return fail("%s cannot be loaded: %s", what, dlerror());
#define FUNCTION(name)                     \
    slot_##name = dlsym(library, #name);   \
    if (!slot_##name) return fail("%s has no " #name ": it is of another release than this program", file);
#include "functions.inc"
#undef FUNCTION
    loaded_last_error = (const char *(*)(void))dlsym(library, "ctorch_last_error");
    loaded_cuda_device_count = (int32_t (*)(void))dlsym(library, "ctorch_cuda_device_count");
    if (!loaded_last_error || !loaded_cuda_device_count) return fail("%s is of another release than this program", file);
    is_open = 1;
    return 0;
}

/// The one part that was built with this program.
static ctorch_status open_own(const char *torch) {
    char folder[PATH_MAX], file[2 * PATH_MAX];
    if (!program_folder(folder)) return fail("/proc/self/exe cannot be read; is /proc mounted?");
    snprintf(file, sizeof file, "%s/libposebus-ctorch.so", folder);
    if (torch)
        return fail("these programs were built for one libtorch and take no other; leave --torch out, build with "
                    "POSEBUS_TORCH, or use the programs of a bundle");
    if (access(file, R_OK) != 0)
        return fail("these programs were built without libtorch (there is no %s), which engine hmr2 needs. Run deploy/setup "
                    "and build again without POSEBUS_TORCH=off", file);
    return load(file, "libtorch");
}

/// The part for the libtorch that is in the process by now.
static ctorch_status load_bundled(const struct ctorch_bundled_part *part, const char *torch) {
    char folder[PATH_MAX], file[2 * PATH_MAX], what[2 * PATH_MAX];
    if (!program_folder(folder)) return fail("/proc/self/exe cannot be read; is /proc mounted?");
    snprintf(file, sizeof file, "%s/../lib/%s/libposebus-ctorch.so", folder, part->folder);
    snprintf(what, sizeof what, "the part for libtorch %s (%s)", part->version, torch);
    return load(file, what);
}

static ctorch_status open_system(void) {
    char reason[512] = "";
    for (int i = 0; i < ctorch_bundled_part_count; i++) {
        if (!ctorch_bundled_parts[i].soname) continue;
        if (dlopen(ctorch_bundled_parts[i].soname, RTLD_NOW | RTLD_LOCAL)) return load_bundled(&ctorch_bundled_parts[i], "the system's");
        snprintf(reason, sizeof reason, "%s", dlerror());
    }
    // A libtorch of another version is worth saying.
    glob_t found;
    if (glob("{/usr/lib/x86_64-linux-gnu,/usr/lib64,/usr/local/lib,/usr/lib}/libtorch_cpu.so*", GLOB_BRACE, NULL, &found)
            == 0
        && found.gl_pathc > 0) {
        fail("the system's libtorch (%s) is of a version that this bundle was not built for (%s). It works with %s. For "
             "another libtorch build PoseBus from source", found.gl_pathv[found.gl_pathc - 1], reason, supported());
    } else {
        fail("this machine has no libtorch (%s). Install %s", reason, supported());
    }
    globfree(&found);
    return 1;
}

/// The version in a wheel's torch/version.py, without what follows a plus sign: 2.13.0 of 2.13.0+cu130.
static int wheel_version(const char *torch, char version[64]) {
    char path[PATH_MAX], line[256];
    if (snprintf(path, sizeof path, "%s/version.py", torch) >= PATH_MAX) return 0;
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    int found = 0;
    while (!found && fgets(line, sizeof line, file))
        found = sscanf(line, "__version__ = %*1['\"]%63[0-9.a-z]", version) == 1;
    fclose(file);
    return found;
}

/// The part for the wheel whose folder torch this is, and the wheel's version; NULL for one that there is no part for. A
/// container may hold the libraries alone: then it is the one wheel's that this bundle was built for, if it is one.
static const struct ctorch_bundled_part *part_for(const char *torch, char version[64]) {
    int knows = wheel_version(torch, version);
    const struct ctorch_bundled_part *found = NULL;
    for (int i = 0; i < ctorch_bundled_part_count; i++) {
        if (ctorch_bundled_parts[i].soname || (knows && strcmp(ctorch_bundled_parts[i].version, version) != 0)) continue;
        if (found) return NULL;
        found = &ctorch_bundled_parts[i];
    }
    if (!knows) snprintf(version, 64, "%s", found ? found->version : "of an unknown version");
    return found;
}

static ctorch_status open_wheel(const char *torch, const char **warning) {
    char library[PATH_MAX], version[64];
    if (snprintf(library, sizeof library, "%s/lib/libtorch_cpu.so", torch) >= PATH_MAX)
        return fail("--torch %s: the path is too long", torch);
    if (access(library, R_OK) != 0)
        return fail("%s is no torch folder: there is no lib/libtorch_cpu.so that can be read. Give the folder torch inside "
                    "site-packages, or `system`. It works with %s", torch, supported());
    const struct ctorch_bundled_part *part = part_for(torch, version);
    if (!part)
        return fail("%s holds torch %s, which this bundle was not built for. It works with %s. For another libtorch build "
                    "PoseBus from source with POSEBUS_TORCH=%s", torch, version, supported(), torch);
    if (!dlopen(library, RTLD_NOW | RTLD_GLOBAL)) return fail("torch %s cannot be loaded: %s", version, dlerror());
    // Kernels register themselves when their library is loaded.
    if (snprintf(library, sizeof library, "%s/lib/libtorch_cuda.so", torch) < PATH_MAX && access(library, R_OK) == 0
        && !dlopen(library, RTLD_NOW | RTLD_GLOBAL)) {
        fail("the GPUs are not used, because torch's part for CUDA cannot be loaded: %s", dlerror());
        *warning = strdup(message);
    }
    return load_bundled(part, torch);
}

ctorch_status ctorch_open(const char *torch, const char **warning) {
    *warning = NULL;
    if (is_open) return 0;
    if (!&ctorch_bundled_part_count) return open_own(torch);
    if (!torch) torch = getenv("POSEBUS_TORCH");
    return !torch || !*torch || strcmp(torch, "system") == 0 ? open_system() : open_wheel(torch, warning);
}
