// CTorch for a program that is not linked with libtorch: every function of ctorch.h jumps to the one in a shared object
// that was compiled against the libtorch found on this machine. ctorch_open finds both.
//
// deploy/bundle writes two files:
// - functions.inc: FUNCTION(ctorch_tensor_zeros) and so on, all but those defined below.
// - parts.inc: PART("torch-1.13", "1.13.1", "libtorch_cpu.so.1.13") for a system's libtorch, found by that name;
//   PART("torch-2.13", "2.13.0", NULL) for the one in a PyPI wheel, found by its folder.
#define _GNU_SOURCE
#include "ctorch.h"

#include <dlfcn.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the jumps below are written for x86-64"
#endif

static void unopened(void) {
    fputs("a function of libtorch was called before ctorch_open\n", stderr);
    abort();
}

#define FUNCTION(name)                                        \
    __attribute__((used)) static void *slot_##name = unopened; \
    __asm__(".pushsection .text\n"                             \
            ".globl " #name "\n"                               \
            ".type " #name ", @function\n"                     \
            #name ": jmp *slot_" #name "(%rip)\n"              \
            ".size " #name ", . - " #name "\n"                 \
            ".popsection\n");
#include "functions.inc"
#undef FUNCTION

struct part {
    const char *folder;
    const char *version;
    const char *soname;
};

static const struct part parts[] = {
#define PART(folder, version, soname) {folder, version, soname},
#include "parts.inc"
#undef PART
};
enum { part_count = sizeof parts / sizeof parts[0] };

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

/// None as long as no libtorch is open: engine none needs neither.
int32_t ctorch_cuda_device_count(void) { return is_open ? loaded_cuda_device_count() : 0; }

/// "libtorch 1.13.1 of the system (apt-get install …) or …": what this bundle was built for.
static const char *supported(void) {
    static char text[1024];
    size_t length = 0;
    for (int i = 0; i < part_count; i++) {
        const char *joint = i == 0 ? "" : ", or ";
        int written = parts[i].soname
            ? snprintf(text + length, sizeof text - length,
                       "%slibtorch %s of the system (on Debian 12: apt-get install libtorch1.13 libopenblas0-pthread)",
                       joint, parts[i].version)
            : snprintf(text + length, sizeof text - length,
                       "%sthat of PyPI's torch %s (pip install torch==%s, then --torch …/site-packages/torch)", joint,
                       parts[i].version, parts[i].version);
        if (written < 0 || (size_t)written >= sizeof text - length) break;
        length += (size_t)written;
    }
    return text;
}

/// The lib folder beside the bin folder that this program lies in.
static int library_folder(char folder[PATH_MAX]) {
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0) return 0;
    program[length] = 0;
    for (int level = 0; level < 2; level++) {
        char *slash = strrchr(program, '/');
        if (!slash) return 0;
        *slash = 0;
    }
    return snprintf(folder, PATH_MAX, "%s/lib", program) < PATH_MAX;
}

/// Loads the shared object compiled for the libtorch that is in the process by now, and fills the slots from it.
static ctorch_status load(const struct part *part, const char *torch) {
    char folder[PATH_MAX], file[PATH_MAX];
    if (!library_folder(folder)) return fail("/proc/self/exe cannot be read; is /proc mounted?");
    if (snprintf(file, sizeof file, "%s/%s/libposebus-ctorch.so", folder, part->folder) >= PATH_MAX)
        return fail("the path of the bundle is too long: %s", folder);
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!library) return fail("the part for libtorch %s (%s) cannot be loaded: %s", part->version, torch, dlerror());
#define FUNCTION(name)                     \
    slot_##name = dlsym(library, #name);   \
    if (!slot_##name) return fail("%s has no " #name ": it is of another bundle; unpack the whole archive anew", file);
#include "functions.inc"
#undef FUNCTION
    loaded_last_error = (const char *(*)(void))dlsym(library, "ctorch_last_error");
    loaded_cuda_device_count = (int32_t (*)(void))dlsym(library, "ctorch_cuda_device_count");
    if (!loaded_last_error || !loaded_cuda_device_count)
        return fail("%s is of another bundle; unpack the whole archive anew", file);
    is_open = 1;
    return 0;
}

static ctorch_status open_system(void) {
    char reason[512] = "";
    for (int i = 0; i < part_count; i++) {
        if (!parts[i].soname) continue;
        if (dlopen(parts[i].soname, RTLD_NOW | RTLD_LOCAL)) return load(&parts[i], "the system's");
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
static const struct part *part_for(const char *torch, char version[64]) {
    int knows = wheel_version(torch, version);
    const struct part *found = NULL;
    for (int i = 0; i < part_count; i++) {
        if (parts[i].soname || (knows && strcmp(parts[i].version, version) != 0)) continue;
        if (found) return NULL;
        found = &parts[i];
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
    const struct part *part = part_for(torch, version);
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
    return load(part, torch);
}

ctorch_status ctorch_open(const char *torch, const char **warning) {
    *warning = NULL;
    if (is_open) return 0;
    if (!torch) torch = getenv("POSEBUS_TORCH");
    return !torch || !*torch || strcmp(torch, "system") == 0 ? open_system() : open_wheel(torch, warning);
}
