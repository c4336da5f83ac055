// Preloaded into a stage (LD_PRELOAD): counts what it asks of the allocator and how much it copies.
//
// The counters lie in the file that POSEBUS_COUNTS names, mapped and shared, so that a test reads them while the stage runs:
// allocations, copies of at least `large` bytes, and the bytes of those. What the kernel copies is not among them.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// Smaller copies are headers and records; a payload is larger.
enum { large = 16384 };

struct counters {
    uint64_t allocations, copies, bytes;
};

static struct counters unread;
static struct counters *counters = &unread;
static void *(*real_memcpy)(void *, const void *, size_t);
static void *(*real_memmove)(void *, const void *, size_t);

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

__attribute__((constructor)) static void begin(void) {
    real_memcpy = dlsym(RTLD_NEXT, "memcpy");
    real_memmove = dlsym(RTLD_NEXT, "memmove");
    const char *path = getenv("POSEBUS_COUNTS");
    int file = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (file < 0 || ftruncate(file, sizeof *counters) != 0) abort();
    void *mapped = mmap(NULL, sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED) abort();
    counters = mapped;
    close(file);
}

static void add(uint64_t *counter, uint64_t count) { __atomic_fetch_add(counter, count, __ATOMIC_RELAXED); }

static void note_copy(size_t size) {
    if (size < large) return;
    add(&counters->copies, 1);
    add(&counters->bytes, size);
}

void *malloc(size_t size) {
    add(&counters->allocations, 1);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    add(&counters->allocations, 1);
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    add(&counters->allocations, 1);
    return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    add(&counters->allocations, 1);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    add(&counters->allocations, 1);
    *result = __libc_memalign(alignment, size);
    return *result ? 0 : 12;
}

// Before the constructor has run there is no other; compiled without builtins, so that this is no call of itself.
static void *copy_slowly(void *to, const void *from, size_t size) {
    char *target = to;
    const char *source = from;
    if (target <= source) for (size_t i = 0; i < size; i++) target[i] = source[i];
    else for (size_t i = size; i-- > 0;) target[i] = source[i];
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    note_copy(size);
    return real_memcpy ? real_memcpy(to, from, size) : copy_slowly(to, from, size);
}

void *memmove(void *to, const void *from, size_t size) {
    note_copy(size);
    return real_memmove ? real_memmove(to, from, size) : copy_slowly(to, from, size);
}
