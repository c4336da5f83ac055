// Arrays of floats and the boundary that exceptions stop at. Not visible to Swift.
#pragma once

#include "cplans.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace cplans {

/// Floats that start where a cache line does, so that no vector of them lies across two. Copies share them.
class Floats {
  public:
    Floats() = default;
    /// All zero.
    explicit Floats(size_t count) : Floats(count, uninitialised) {
        if (count > 0) std::memset(values.get(), 0, count * sizeof(float));
    }
    static constexpr struct Uninitialised {} uninitialised{};
    Floats(size_t count, Uninitialised) : values(allocate(count), std::free), size(count) {}

    float *data() const { return values.get(); }
    size_t count() const { return size; }
    bool is_shared() const { return values.use_count() > 1; }

  private:
    static float *allocate(size_t count) {
        if (count > std::numeric_limits<size_t>::max() / sizeof(float) - 64) throw std::bad_alloc();
        void *memory = std::aligned_alloc(64, (count * sizeof(float) / 64 + 1) * 64);
        if (!memory) throw std::bad_alloc();
        return static_cast<float *>(memory);
    }
    std::shared_ptr<float> values;
    size_t size = 0;
};

using Shape = std::vector<int64_t>;

/// How many elements a shape has. Throws where a size is negative or the product too large.
inline int64_t count_of(const Shape &shape) {
    int64_t count = 1;
    for (int64_t size : shape) {
        if (size < 0) throw std::invalid_argument("a dimension cannot have the size " + std::to_string(size));
        if (__builtin_mul_overflow(count, size, &count)) throw std::invalid_argument("the shape has too many elements");
    }
    return count;
}

/// "[1, 224, 224, 3]"
inline std::string words(const Shape &shape) {
    std::string text = "[";
    for (size_t index = 0; index < shape.size(); ++index) text += (index ? ", " : "") + std::to_string(shape[index]);
    return text + "]";
}

/// Floats with a shape, in row-major order.
struct Array {
    Floats floats;
    Shape shape;

    Array() = default;
    Array(Floats floats, Shape shape) : floats(std::move(floats)), shape(std::move(shape)) {}
    bool defined() const { return floats.data() != nullptr; }
    float *data() const { return floats.data(); }
    int64_t count() const { return count_of(shape); }
};

/// Keeps `message` for cplans_last_error on this thread.
void set_last_error(const char *message) noexcept;

/// Runs `body` and turns what it throws into a status.
template <typename Body>
cplans_status guarded(Body &&body) noexcept {
    try {
        body();
        return 0;
    } catch (const std::exception &error) {
        set_last_error(error.what());
    } catch (...) {
        set_last_error("an unknown C++ exception");
    }
    return 1;
}

}  // namespace cplans

struct cplans_array_s {
    cplans::Array value;
};
