// What the steps share. Not visible to Swift.
#pragma once

#include "kernels.h"
#include "plan.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace cplans {

/// Multiply-adds below which waking another thread costs more than it saves.
constexpr int64_t parallel_work = 200'000;

/// An image's memory: (batch, height, width, channels), densely packed.
struct Image {
    float *data;
    int64_t batch, height, width, channels;

    explicit Image(const Array &array) : data(array.data()) {
        if (array.shape.size() != 4) throw std::invalid_argument("an image has 4 dimensions, not " + words(array.shape));
        batch = array.shape[0];
        height = array.shape[1];
        width = array.shape[2];
        channels = array.shape[3];
    }
    int64_t line() const { return width * channels; }
    int64_t size() const { return height * width * channels; }
};

/// What a step's result is added to, or null.
inline const float *addend(const Operands &operands, const Array &output) {
    if (operands.inputs.size() < 2) return nullptr;
    if (operands.inputs[1].shape != output.shape) throw std::invalid_argument("the addend has another shape");
    return operands.inputs[1].data();
}

inline Limits limits(cplans_activation activation) {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    switch (activation) {
    case CPLANS_ACTIVATION_NONE: return {-infinity, infinity};
    case CPLANS_ACTIVATION_RELU: return {0, infinity};
    case CPLANS_ACTIVATION_RELU6: return {0, 6};
    }
    throw std::invalid_argument("unknown activation");
}

/// (height, width) of a convolution's result.
inline std::pair<int64_t, int64_t> output_size(const cplans_conv2d &options, const int64_t window[2], const Image &image) {
    const cplans_margins &margins = options.margins;
    int64_t reach[2] = {
        (window[0] - 1) * options.dilation[0] + 1, (window[1] - 1) * options.dilation[1] + 1};
    int64_t height = image.height + margins.top + margins.bottom - reach[0];
    int64_t width = image.width + margins.left + margins.right - reach[1];
    if (height < 0 || width < 0) throw std::invalid_argument("the image is smaller than the window");
    return {height / options.stride[0] + 1, width / options.stride[1] + 1};
}

/// Runs `body(first, last, thread)` over parts of 0 ..< count, on all workers where that is worth it.
template <typename Body>
void in_parallel(Workers &workers, int64_t count, bool worth_it, const Body &body) {
    if (workers.threads() <= 1 || count <= 1 || !worth_it) return body(int64_t{0}, count, 0);
    // Several parts a thread, so that one that starts late gets less.
    int64_t part = std::max<int64_t>(1, count / (4 * workers.threads()));
    workers.run(static_cast<uint32_t>((count + part - 1) / part), [&](uint32_t task, int32_t thread) {
        int64_t first = static_cast<int64_t>(task) * part;
        body(first, std::min(count, first + part), thread);
    });
}

}  // namespace cplans
