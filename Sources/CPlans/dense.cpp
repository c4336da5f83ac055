// Convolutions of a single group, as products of matrices.
#include "convolutions.h"

namespace cplans {

namespace {

/// A dense convolution's geometry and weights.
struct Dense {
    cplans_conv2d options;
    int64_t window[2], channels;
    PackedMatrix matrix;

    /// Whether an image's pixels are the rows of the product as they are.
    bool is_pointwise() const {
        const cplans_margins &m = options.margins;
        return window[0] == 1 && window[1] == 1 && options.stride[0] == 1 && options.stride[1] == 1 && m.top == 0
            && m.bottom == 0 && m.left == 0 && m.right == 0;
    }
};

PackedMatrix packed_matrix(const Array &weight, const Array &bias) {
    const Kernels &kernels = cplans::kernels();
    int64_t columns = weight.shape[0];
    std::vector<float> rows = output_last(weight);
    const float *source = rows.data();
    PackedMatrix matrix;
    matrix.columns = columns;
    matrix.depth = weight.count() / columns;
    // Panels of nearly equal width: 5 vectors are 3 + 2 rather than 3 + 1 + 1.
    int64_t vectors = (columns + kernels.lanes - 1) / kernels.lanes;
    int64_t count = (vectors + kernels.max_vectors - 1) / kernels.max_vectors;
    int64_t first = 0;
    for (int64_t index = 0; index < count; ++index) {
        int64_t width = vectors / count + (index < vectors % count ? 1 : 0);
        matrix.panels.push_back({first * kernels.lanes, width, first * kernels.lanes * matrix.depth});
        first += width;
    }
    matrix.values = Floats(static_cast<size_t>(vectors * kernels.lanes * matrix.depth));
    for (const auto &panel : matrix.panels) {
        int64_t width = panel.vectors * kernels.lanes, real = std::min(width, columns - panel.column);
        for (int64_t row = 0; row < matrix.depth; ++row) {
            std::memcpy(
                matrix.values.data() + panel.offset + row * width, source + row * columns + panel.column,
                static_cast<size_t>(real) * sizeof(float));
        }
    }
    matrix.bias = Floats(static_cast<size_t>(vectors * kernels.lanes));
    if (bias.defined()) {
        std::memcpy(matrix.bias.data(), bias.data(), static_cast<size_t>(columns) * sizeof(float));
    }
    return matrix;
}

/// A copy that is done before a call of memcpy would have begun: a window's line is a few pixels.
inline void copy(float *target, const float *source, int64_t count) {
    int64_t index = 0;
    for (; index + 8 <= count; index += 8) std::memcpy(target + index, source + index, 8 * sizeof(float));
    for (; index < count; ++index) target[index] = source[index];
}

/// Copies the pixels under the windows of output pixels `first ..< last` of the batch, a row each.
void gather(const Dense &dense, const Image &image, const Image &out, int64_t first, int64_t last, float *rows) {
    const cplans_conv2d &options = dense.options;
    int64_t channels = image.channels, depth = dense.matrix.depth;
    auto pixel_bytes = static_cast<size_t>(channels) * sizeof(float);
    for (int64_t index = first; index < last; ++index, rows += depth) {
        int64_t n = index / (out.height * out.width), y = index / out.width % out.height, x = index % out.width;
        int64_t top = y * options.stride[0] - options.margins.top, left = x * options.stride[1] - options.margins.left;
        for (int64_t ky = 0; ky < dense.window[0]; ++ky) {
            int64_t row = top + ky * options.dilation[0];
            float *target = rows + ky * dense.window[1] * channels;
            if (row < 0 || row >= image.height) {
                std::memset(target, 0, pixel_bytes * static_cast<size_t>(dense.window[1]));
                continue;
            }
            const float *source = image.data + ((n * image.height + row) * image.width) * channels;
            if (options.dilation[1] == 1 && left >= 0 && left + dense.window[1] <= image.width) {
                copy(target, source + left * channels, dense.window[1] * channels);
                continue;
            }
            for (int64_t kx = 0; kx < dense.window[1]; ++kx, target += channels) {
                int64_t column = left + kx * options.dilation[1];
                if (column < 0 || column >= image.width) {
                    std::memset(target, 0, pixel_bytes);
                } else {
                    copy(target, source + column * channels, channels);
                }
            }
        }
    }
}

Array run(const Dense &dense, Operands &operands) {
    Image image(operands.inputs[0]);
    if (image.channels != dense.channels) throw std::invalid_argument("the image has another number of channels");
    auto [height, width] = output_size(dense.options, dense.window, image);
    Array output = operands.workspace.array({image.batch, height, width, dense.matrix.columns});
    Image out(output);
    const float *residual = addend(operands, output);

    const PackedMatrix &matrix = dense.matrix;
    int64_t rows = out.batch * out.height * out.width;
    // As many rows at a time as stay in the second-level cache beside the weights; a multiple of every tile's rows.
    constexpr int64_t cache_floats = 48 * 1024, step = 168;
    int64_t block = std::max<int64_t>(1, cache_floats / matrix.depth / step) * step;
    int64_t blocks = (rows + block - 1) / block;
    bool parallel = operands.workers.threads() > 1 && rows * matrix.depth * matrix.columns > parallel_work;
    if (parallel && blocks < 4 * operands.workers.threads()) {
        block = std::max<int64_t>(24, (rows / operands.workers.threads() / 2 + 23) / 24 * 24);
        blocks = (rows + block - 1) / block;
    }
    // Few rows and many columns: threads share the panels instead.
    bool by_panels = parallel && blocks < operands.workers.threads();
    auto panels = static_cast<int64_t>(matrix.panels.size());
    bool pointwise = dense.is_pointwise();

    // Where each thread gathers pixels.
    int64_t scratch = pointwise ? 0 : block * matrix.depth;
    Floats gathered(static_cast<size_t>(scratch * operands.workers.threads()));
    auto product = [&](int64_t first_block, int64_t last_block, int64_t first_panel, int64_t last_panel, int32_t thread) {
        for (int64_t index = first_block; index < last_block; ++index) {
            int64_t first = index * block, last = std::min(rows, first + block);
            Product p;
            p.lines[0] = image.data + first * matrix.depth;
            if (!pointwise) {
                p.lines[0] = gathered.data() + thread * scratch;
                gather(dense, image, out, first, last, gathered.data() + thread * scratch);
            }
            p.a_stride = matrix.depth;
            p.out = out.data + first * matrix.columns;
            p.residual = residual ? residual + first * matrix.columns : nullptr;
            p.rows = last - first;
            p.matrix = &matrix;
            p.first_panel = static_cast<size_t>(first_panel);
            p.last_panel = static_cast<size_t>(last_panel);
            p.limits = limits(dense.options.activation);
            kernels().product(p);
        }
    };
    if (by_panels) {
        in_parallel(operands.workers, panels, true, [&](int64_t first, int64_t last, int32_t thread) {
            product(0, blocks, first, last, thread);
        });
    } else {
        in_parallel(operands.workers, blocks, parallel, [&](int64_t first, int64_t last, int32_t thread) {
            product(first, last, 0, panels, thread);
        });
    }
    return output;
}

/// Row by row, and without copying windows together but at the row's ends.
class DenseRows final : public RowConvolution {
  public:
    explicit DenseRows(const Dense &dense)
        : RowConvolution(dense.options, dense.window, dense.channels, dense.matrix.columns), dense(dense) {}

    int64_t scratch() const override { return dense.matrix.depth; }

    void run(const RowJob &job) const override {
        int64_t stride = options.stride[1], left = options.margins.left, line = window[1] * channels;
        int64_t first = std::min((left + stride - 1) / stride, job.out_width);
        int64_t past = job.width + left - window[1];
        int64_t last = past < 0 ? first : std::max(first, std::min(job.out_width, past / stride + 1));
        Product p;
        p.matrix = &dense.matrix;
        p.first_panel = 0;
        p.last_panel = dense.matrix.panels.size();
        p.limits = limits(options.activation);
        p.a_stride = stride * channels;
        p.line_count = window[0];
        for (int64_t ky = 0; ky < window[0]; ++ky) {
            p.lines[ky] = (job.rows[ky] ? job.rows[ky] : job.zeros) + (first * stride - left) * channels;
        }
        product(p, job, first, last - first);
        p.line_count = 1;
        p.lines[0] = job.scratch;
        // The windows that lie partly beside the image.
        for (int64_t x = first > 0 ? 0 : last; x < job.out_width; x = x + 1 == first ? last : x + 1) {
            std::memset(job.scratch, 0, static_cast<size_t>(dense.matrix.depth) * sizeof(float));
            for (int64_t ky = 0; ky < window[0]; ++ky) {
                if (!job.rows[ky]) continue;
                int64_t column = x * stride - left, from = std::max<int64_t>(0, column);
                int64_t to = std::min(job.width, column + window[1]);
                if (to <= from) continue;
                std::memcpy(
                    job.scratch + ky * line + (from - column) * channels, job.rows[ky] + from * channels,
                    static_cast<size_t>((to - from) * channels) * sizeof(float));
            }
            product(p, job, x, 1);
        }
    }

  private:
    static void product(Product &p, const RowJob &job, int64_t first, int64_t count) {
        p.rows = count;
        p.out = job.out + first * p.matrix->columns;
        p.residual = job.residual ? job.residual + first * p.matrix->columns : nullptr;
        if (count > 0) kernels().product(p);
    }

    Dense dense;
};

}  // namespace

Convolution dense_convolution(const cplans_conv2d &options, const Array &weight, const Array &bias) {
    Dense dense{options, {weight.shape[1], weight.shape[2]}, weight.shape[3], packed_matrix(weight, bias)};
    bool by_rows = dense.window[0] <= max_window && is_plain(options, weight);
    return {
        [dense](Operands &operands) { return run(dense, operands); },
        by_rows ? std::make_shared<DenseRows>(dense) : nullptr};
}

}  // namespace cplans
