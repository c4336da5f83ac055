// Convolutions channel by channel.
#include "convolutions.h"

namespace cplans {

namespace {

/// A depthwise convolution's geometry and weights.
struct Depthwise {
    cplans_conv2d options;
    int64_t window[2], channels;
    Floats weights, bias, zeros;
    void (*row)(const DepthwiseRow &);

    /// What is the same for every row.
    DepthwiseRow kernel_row(int64_t width, int64_t out_width) const {
        DepthwiseRow row;
        row.weights = weights.data();
        row.bias = bias.data();
        row.zeros = zeros.data();
        row.width = width;
        row.channels = channels;
        row.out_width = out_width;
        row.left = options.margins.left;
        row.limits = limits(options.activation);
        return row;
    }
};

/// Row by row.
class DepthwiseRows final : public RowConvolution {
  public:
    explicit DepthwiseRows(const Depthwise &depthwise)
        : RowConvolution(depthwise.options, depthwise.window, depthwise.channels, depthwise.channels),
          depthwise(depthwise) {}

    void run(const RowJob &job) const override {
        DepthwiseRow row = depthwise.kernel_row(job.width, job.out_width);
        std::copy(job.rows, job.rows + window[0], row.rows);
        row.out = job.out;
        row.residual = job.residual;
        depthwise.row(row);
    }

  private:
    Depthwise depthwise;
};

/// The rows under a window with the zeros around the image written out, for images so narrow that a good part of all windows
/// lies at an edge. A row is copied once.
class PaddedRows {
  public:
    PaddedRows(const Depthwise &depthwise, const Image &image, int64_t out_width)
        : image(image), window(depthwise.window[0]), left(depthwise.options.margins.left * image.channels) {
        if (out_width > widest) return;
        width = std::max(
            depthwise.options.margins.left + image.width, (out_width - 1) * depthwise.options.stride[1] + window);
        line = width * image.channels;
        rows = Floats(static_cast<size_t>((window + 1) * line));
    }

    /// The rows from `top` on of one image of the batch.
    void find(int64_t n, int64_t top, DepthwiseRow &row) {
        if (n != number) next = std::max<int64_t>(0, top);
        number = n;
        if (line > 0) {
            row.left = 0;
            row.width = width;
        }
        for (int64_t ky = 0; ky < window; ++ky) {
            int64_t y = top + ky;
            bool inside = y >= 0 && y < image.height;
            const float *source = image.data + (n * image.height + y) * image.line();
            if (line == 0) {
                row.rows[ky] = inside ? source : nullptr;
            } else if (inside) {
                float *target = rows.data() + y % window * line;
                if (y >= next) std::memcpy(target + left, source, static_cast<size_t>(image.line()) * sizeof(float));
                next = std::max(next, y + 1);
                row.rows[ky] = target;
            } else {
                row.rows[ky] = rows.data() + window * line;
            }
        }
    }

  private:
    static constexpr int64_t widest = 32;
    const Image &image;
    const int64_t window, left;
    int64_t width = 0, line = 0;
    int64_t number = -1, next = 0;  // the image, and the first of its rows that is not copied yet
    Floats rows;                    // the last of them is all zeros
};

Array run(const Depthwise &depthwise, Operands &operands) {
    Image image(operands.inputs[0]);
    if (image.channels != depthwise.channels) throw std::invalid_argument("the image has another number of channels");
    auto [height, width] = output_size(depthwise.options, depthwise.window, image);
    Array output = operands.workspace.array({image.batch, height, width, image.channels});
    Image out(output);
    const float *residual = addend(operands, output);
    int64_t line = out.line();
    bool parallel = out.batch * out.size() * depthwise.window[0] * depthwise.window[1] > parallel_work;
    in_parallel(operands.workers, out.batch * out.height, parallel, [&](int64_t first, int64_t last, int32_t) {
        PaddedRows padded(depthwise, image, out.width);
        for (int64_t index = first; index < last; ++index) {
            int64_t n = index / out.height, y = index % out.height;
            DepthwiseRow row = depthwise.kernel_row(image.width, out.width);
            padded.find(n, y * depthwise.options.stride[0] - depthwise.options.margins.top, row);
            row.out = out.data + index * line;
            row.residual = residual ? residual + index * line : nullptr;
            depthwise.row(row);
        }
    });
    return output;
}

}  // namespace

std::optional<Convolution> depthwise_convolution(const cplans_conv2d &options, const Array &weight, const Array &bias) {
    int64_t channels = weight.shape[0], window = weight.shape[1];
    bool square = window == weight.shape[2] && options.stride[0] == options.stride[1];
    bool by_channel = options.groups == channels && weight.shape[3] == 1;
    if (!by_channel || !square || !is_plain(options, weight)) return std::nullopt;
    auto row = kernels().depthwise(window, options.stride[0]);
    if (!row) return std::nullopt;
    Depthwise depthwise{
        options, {window, window}, channels, copied(output_last(weight).data(), weight.count()), copied(bias.data(), channels),
        copied(nullptr, channels), row};
    return Convolution{
        [depthwise](Operands &operands) { return run(depthwise, operands); }, std::make_shared<DepthwiseRows>(depthwise)};
}

}  // namespace cplans
