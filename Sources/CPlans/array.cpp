#include "array.h"

namespace cplans {

namespace {
thread_local std::string last_error;
}

void set_last_error(const char *message) noexcept {
    try {
        last_error = message;
    } catch (...) {
        last_error.clear();
    }
}

}  // namespace cplans

const char *cplans_last_error(void) { return cplans::last_error.c_str(); }

cplans_status cplans_array_create(const int64_t *shape, int32_t rank, cplans_array *out) {
    return cplans::guarded([&] {
        cplans::Shape sizes(shape, shape + rank);
        auto count = static_cast<size_t>(cplans::count_of(sizes));
        *out = new cplans_array_s{{cplans::Floats(count), std::move(sizes)}};
    });
}

void cplans_array_free(cplans_array array) { delete array; }

int32_t cplans_array_rank(cplans_array array) { return static_cast<int32_t>(array->value.shape.size()); }

void cplans_array_shape(cplans_array array, int64_t *shape) {
    for (int64_t size : array->value.shape) *shape++ = size;
}

float *cplans_array_data(cplans_array array) { return array->value.data(); }
