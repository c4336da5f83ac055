// Which kind a convolution is.
#include "convolutions.h"

namespace cplans {

/// Weights (out, height, width, in) as (height, width, in, out): a row for every input of a window.
std::vector<float> output_last(const Array &weight) {
    int64_t columns = weight.shape[0], depth = weight.count() / columns;
    std::vector<float> rows(static_cast<size_t>(weight.count()));
    for (int64_t column = 0; column < columns; ++column) {
        for (int64_t row = 0; row < depth; ++row) {
            rows[static_cast<size_t>(row * columns + column)] = weight.data()[column * depth + row];
        }
    }
    return rows;
}

Floats copied(const float *values, int64_t count) {
    Floats copy(static_cast<size_t>(count));
    if (values) std::memcpy(copy.data(), values, static_cast<size_t>(count) * sizeof(float));
    return copy;
}

bool is_plain(const cplans_conv2d &options, const Array &weight) {
    const cplans_margins &m = options.margins;
    return options.dilation[0] == 1 && options.dilation[1] == 1 && m.top < weight.shape[1] && m.bottom < weight.shape[1]
        && m.left < weight.shape[2] && m.right < weight.shape[2];
}

Convolution convolution(const cplans_conv2d &options, const Array &weight, const Array &bias) {
    if (weight.shape.size() != 4) throw std::invalid_argument("weights have 4 dimensions, not " + words(weight.shape));
    int64_t channels = weight.shape[0];
    bool positive = options.stride[0] > 0 && options.stride[1] > 0 && options.dilation[0] > 0 && options.dilation[1] > 0;
    if (!positive || options.groups < 1 || weight.count() == 0 || channels % options.groups != 0) {
        throw std::invalid_argument("a convolution cannot have weights " + words(weight.shape) + " with these options");
    }
    if (bias.defined() && bias.shape != Shape{channels}) throw std::invalid_argument("the bias has another shape");
    if (auto sparse = sparse_convolution(options, weight, bias)) return *sparse;
    if (auto narrow = narrow_convolution(options, weight, bias)) return *narrow;
    if (options.groups == 1) return dense_convolution(options, weight, bias);
    if (auto depthwise = depthwise_convolution(options, weight, bias)) return *depthwise;
    return grouped_convolution(options, weight, bias);
}

}  // namespace cplans
