// Convolutions to few channels.
#include "convolutions.h"

namespace cplans {

namespace {

/// A convolution to few channels: its geometry and weights.
struct Narrow {
    cplans_conv2d options;
    int64_t window[2], channels, out_channels;
    Floats weights, bias;
};

Array run(const Narrow &narrow, Operands &operands) {
    Image image(operands.inputs[0]);
    if (image.channels != narrow.channels) throw std::invalid_argument("the image has another number of channels");
    auto [height, width] = output_size(narrow.options, narrow.window, image);
    Array output = operands.workspace.array({image.batch, height, width, narrow.out_channels});
    Image out(output);
    const float *residual = addend(operands, output);
    int64_t line = out.width * out.channels;
    int64_t work = out.batch * out.height * line * narrow.window[0] * narrow.window[1] * narrow.channels;
    in_parallel(operands.workers, out.batch * out.height, work > parallel_work, [&](int64_t first, int64_t last, int32_t) {
        for (int64_t index = first; index < last; ++index) {
            int64_t n = index / out.height, y = index % out.height;
            NarrowRow row;
            row.image = image.data + n * image.height * image.width * image.channels;
            row.out = out.data + index * line;
            row.residual = residual ? residual + index * line : nullptr;
            row.weights = narrow.weights.data();
            row.bias = narrow.bias.data();
            row.height = image.height;
            row.width = image.width;
            row.channels = image.channels;
            row.out_width = out.width;
            row.out_channels = out.channels;
            row.window_height = narrow.window[0];
            row.window_width = narrow.window[1];
            row.stride = narrow.options.stride[1];
            row.top = y * narrow.options.stride[0] - narrow.options.margins.top;
            row.left = narrow.options.margins.left;
            row.limits = limits(narrow.options.activation);
            kernels().narrow(row);
        }
    });
    return output;
}

}  // namespace

std::optional<Convolution> narrow_convolution(const cplans_conv2d &options, const Array &weight, const Array &bias) {
    int64_t channels = weight.shape[0];
    if (options.groups != 1 || channels > 2 || !is_plain(options, weight)) return std::nullopt;
    Narrow narrow{
        options, {weight.shape[1], weight.shape[2]}, weight.shape[3], channels, copied(weight.data(), weight.count()),
        copied(bias.data(), channels)};
    return Convolution{[narrow](Operands &operands) { return run(narrow, operands); }, nullptr};
}

}  // namespace cplans
