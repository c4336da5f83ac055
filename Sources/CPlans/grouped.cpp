// Convolutions that no other kind is made for.
#include "convolutions.h"

namespace cplans {

namespace {

/// In groups of several channels, or channel by channel with windows that no kernel is made for.
struct Grouped {
    cplans_conv2d options;
    int64_t window[2], depth, out_channels;  // depth: input channels of a group
    Floats weights, bias;                    // (out channel, window row, window column, channel of the group)
};

Array run(const Grouped &grouped, Operands &operands) {
    Image image(operands.inputs[0]);
    if (image.channels != grouped.depth * grouped.options.groups) {
        throw std::invalid_argument("the image has another number of channels");
    }
    auto [height, width] = output_size(grouped.options, grouped.window, image);
    Array output = operands.workspace.array({image.batch, height, width, grouped.out_channels});
    Image out(output);
    const float *residual = addend(operands, output);
    const cplans_conv2d &options = grouped.options;
    Limits range = limits(options.activation);
    int64_t members = grouped.out_channels / options.groups, taps = grouped.window[0] * grouped.window[1] * grouped.depth;
    bool parallel = out.batch * out.size() * taps > parallel_work;
    in_parallel(operands.workers, out.batch * out.height, parallel, [&](int64_t first, int64_t last, int32_t) {
        for (int64_t line = first; line < last; ++line) {
            const float *source = image.data + line / out.height * image.size();
            int64_t top = line % out.height * options.stride[0] - options.margins.top;
            for (int64_t x = 0; x < out.width; ++x) {
                int64_t left = x * options.stride[1] - options.margins.left;
                for (int64_t channel = 0; channel < out.channels; ++channel) {
                    float total = grouped.bias.data()[channel];
                    const float *weight = grouped.weights.data() + channel * taps;
                    int64_t start = channel / members * grouped.depth;
                    for (int64_t ky = 0; ky < grouped.window[0]; ++ky) {
                        int64_t row = top + ky * options.dilation[0];
                        if (row < 0 || row >= image.height) continue;
                        for (int64_t kx = 0; kx < grouped.window[1]; ++kx) {
                            int64_t column = left + kx * options.dilation[1];
                            if (column < 0 || column >= image.width) continue;
                            const float *pixel = source + row * image.line() + column * image.channels + start;
                            const float *tap = weight + (ky * grouped.window[1] + kx) * grouped.depth;
                            for (int64_t index = 0; index < grouped.depth; ++index) total += pixel[index] * tap[index];
                        }
                    }
                    int64_t place = line * out.line() + x * out.channels + channel;
                    if (residual) total += residual[place];
                    out.data[place] = std::min(std::max(total, range.low), range.high);
                }
            }
        }
    });
    return output;
}

}  // namespace

Convolution grouped_convolution(const cplans_conv2d &options, const Array &weight, const Array &bias) {
    int64_t channels = weight.shape[0];
    Grouped grouped{
        options, {weight.shape[1], weight.shape[2]}, weight.shape[3], channels, copied(weight.data(), weight.count()),
        copied(bias.data(), channels)};
    return {[grouped](Operands &operands) { return run(grouped, operands); }, nullptr};
}

}  // namespace cplans
