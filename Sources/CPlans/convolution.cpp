// Convolutions.
#include "rows.h"

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

/// Whether every window covers some of the image, which kernels that work window by window count on.
bool always_reaches(const cplans_conv2d &options, const int64_t window[2]) {
    const cplans_margins &m = options.margins;
    return m.top < window[0] && m.bottom < window[0] && m.left < window[1] && m.right < window[1];
}

/// Any other convolution: in groups of several channels, or channel by channel with windows that no kernel is made for.
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

Floats copied(const float *values, size_t count) {
    Floats copy(count);
    if (values) std::memcpy(copy.data(), values, count * sizeof(float));
    return copy;
}

}  // namespace

Convolution convolution(const cplans_conv2d &options, const Array &weight, const Array &bias) {
    if (weight.shape.size() != 4) throw std::invalid_argument("weights have 4 dimensions, not " + words(weight.shape));
    int64_t channels = weight.shape[0], window[2] = {weight.shape[1], weight.shape[2]}, depth = weight.shape[3];
    bool positive = options.stride[0] > 0 && options.stride[1] > 0 && options.dilation[0] > 0 && options.dilation[1] > 0;
    if (!positive || options.groups < 1 || weight.count() == 0 || channels % options.groups != 0) {
        throw std::invalid_argument("a convolution cannot have weights " + words(weight.shape) + " with these options");
    }
    auto count = static_cast<size_t>(channels);
    if (bias.defined() && bias.shape != Shape{channels}) throw std::invalid_argument("the bias has another shape");
    Floats biases = copied(bias.data(), count);
    if (auto sparse = sparse_convolution(options, weight, bias)) return *sparse;
    bool undilated = options.dilation[0] == 1 && options.dilation[1] == 1;
    if (options.groups == 1 && channels <= 2 && undilated && always_reaches(options, window)) {
        Narrow narrow{
            options, {window[0], window[1]}, depth, channels,
            copied(weight.data(), static_cast<size_t>(weight.count())), biases};
        return {[narrow](Operands &operands) { return run(narrow, operands); }, nullptr};
    }
    if (options.groups == 1) {
        Dense dense{options, {window[0], window[1]}, depth, packed_matrix(weight, bias)};
        bool by_rows = undilated && window[0] <= max_window && always_reaches(options, window);
        return {
            [dense](Operands &operands) { return run(dense, operands); },
            by_rows ? std::make_shared<DenseRows>(dense) : nullptr};
    }
    bool square = window[0] == window[1] && options.stride[0] == options.stride[1];
    bool by_channel = options.groups == channels && depth == 1;
    auto row = by_channel && square && undilated && always_reaches(options, window)
        ? kernels().depthwise(window[0], options.stride[0])
        : nullptr;
    if (row) {
        Depthwise depthwise{
            options, {window[0], window[1]}, channels, copied(output_last(weight).data(), static_cast<size_t>(weight.count())),
            biases, Floats(count), row};
        return {
            [depthwise](Operands &operands) { return run(depthwise, operands); },
            std::make_shared<DepthwiseRows>(depthwise)};
    }
    Grouped grouped{
        options, {window[0], window[1]}, depth, channels,
        copied(weight.data(), static_cast<size_t>(weight.count())), biases};
    return {[grouped](Operands &operands) { return run(grouped, operands); }, nullptr};
}

}  // namespace cplans
