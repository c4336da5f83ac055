// Pointwise convolutions whose weights are mostly zeros, as pruning leaves them.
#include "convolutions.h"

namespace cplans {

namespace {

struct Sparse {
    cplans_conv2d options;
    SparseMatrix matrix;

    /// Floats that a product needs beside its operands.
    int64_t scratch() const {
        int64_t lanes = kernels().lanes, columns = matrix.blocks() > 1 ? matrix.columns : lanes;
        return SparseMatrix::cached + (columns + 1) * matrix.vectors(lanes) * lanes;
    }

    SparseProduct product(const float *a, const float *residual, float *out, int64_t rows, float *scratch) const {
        return {a, out, residual, rows, &matrix, scratch, limits(options.activation)};
    }
};

/// Appends a block's part of a group of columns, two columns at a time.
void append(SparseMatrix &matrix, const float *weights, int64_t from, int64_t first_column, int64_t columns) {
    typedef std::vector<std::pair<uint32_t, float>> Column;  // rows and values
    std::vector<std::pair<uint32_t, Column>> group;
    for (int64_t column = 0; column < columns; ++column) {
        Column entries;
        for (int64_t row = from; row < std::min(matrix.depth, from + matrix.block); ++row) {
            float value = weights[(first_column + column) * matrix.depth + row];
            if (value != 0) entries.emplace_back(static_cast<uint32_t>(row - from), value);
        }
        group.emplace_back(static_cast<uint32_t>(column), std::move(entries));
    }
    if (columns % 2 == 1) group.emplace_back(static_cast<uint32_t>(columns), Column());
    std::sort(group.begin(), group.end(), [](const auto &a, const auto &b) {
        return a.second.size() != b.second.size() ? a.second.size() > b.second.size() : a.first < b.first;
    });
    for (size_t index = 0; index < group.size(); index += 2) {
        const Column &a = group[index].second, &b = group[index + 1].second;
        auto first = static_cast<uint32_t>(matrix.entries.size());
        for (size_t entry = 0; entry < a.size(); ++entry) {
            auto other = entry < b.size() ? b[entry] : std::pair<uint32_t, float>(0, 0.0f);
            matrix.entries.push_back({{a[entry].first, other.first}, {a[entry].second, other.second}});
        }
        auto last = static_cast<uint32_t>(matrix.entries.size());
        matrix.pairs.push_back({{group[index].first, group[index + 1].first}, first, last});
    }
}

SparseMatrix sparse_matrix(const Array &weight, const Array &bias) {
    SparseMatrix matrix;
    matrix.columns = weight.shape[0];
    matrix.depth = weight.count() / matrix.columns;
    int64_t blocks = (matrix.depth + SparseMatrix::deepest - 1) / SparseMatrix::deepest, lanes = kernels().lanes;
    matrix.block = (matrix.depth + blocks - 1) / blocks;
    for (int64_t from = 0; from < matrix.depth; from += matrix.block) {
        for (int64_t column = 0; column < matrix.columns; column += lanes) {
            append(matrix, weight.data(), from, column, std::min(lanes, matrix.columns - column));
        }
    }
    matrix.bias = Floats(static_cast<size_t>(matrix.columns) + 1);
    if (bias.defined()) std::memcpy(matrix.bias.data(), bias.data(), static_cast<size_t>(matrix.columns) * sizeof(float));
    return matrix;
}

Array run(const Sparse &sparse, Operands &operands) {
    const SparseMatrix &matrix = sparse.matrix;
    Image image(operands.inputs[0]);
    if (image.channels != matrix.depth) throw std::invalid_argument("the image has another number of channels");
    Array output = operands.workspace.array({image.batch, image.height, image.width, matrix.columns});
    const float *residual = addend(operands, output);
    int64_t pixels = image.batch * image.height * image.width, lanes = kernels().lanes;
    int64_t tile = matrix.vectors(lanes) * lanes, tiles = (pixels + tile - 1) / tile;
    bool parallel = pixels * static_cast<int64_t>(matrix.entries.size()) > parallel_work;
    Array scratch = operands.workspace.array({operands.workers.threads(), sparse.scratch()});
    in_parallel(operands.workers, tiles, parallel, [&](int64_t first, int64_t last, int32_t thread) {
        int64_t start = first * tile, end = std::min(pixels, last * tile), at = start * matrix.columns;
        kernels().sparse_product(sparse.product(
            image.data + start * matrix.depth, residual ? residual + at : nullptr, output.data() + at, end - start,
            scratch.data() + thread * sparse.scratch()));
    });
    operands.workspace.recycle(std::move(scratch));
    return output;
}

/// Row by row.
class SparseRows final : public RowConvolution {
  public:
    explicit SparseRows(const Sparse &sparse)
        : RowConvolution(sparse.options, one, sparse.matrix.depth, sparse.matrix.columns), sparse(sparse) {}

    int64_t scratch() const override { return sparse.scratch(); }

    void run(const RowJob &job) const override {
        kernels().sparse_product(sparse.product(job.rows[0], job.residual, job.out, job.out_width, job.scratch));
    }

  private:
    static constexpr int64_t one[2] = {1, 1};
    Sparse sparse;
};

}  // namespace

std::optional<Convolution> sparse_convolution(const cplans_conv2d &options, const Array &weight, const Array &bias) {
    const cplans_margins &m = options.margins;
    bool pointwise = weight.shape[1] == 1 && weight.shape[2] == 1 && options.groups == 1 && options.stride[0] == 1
        && options.stride[1] == 1 && m.top == 0 && m.bottom == 0 && m.left == 0 && m.right == 0;
    if (!pointwise) return std::nullopt;
    // Transposing a value there or back takes as long as some multiply-adds.
    constexpr int64_t transposition = 8;
    int64_t count = weight.count(), values = weight.shape[0] + count / weight.shape[0];
    int64_t entries = count - std::count(weight.data(), weight.data() + count, 0.0f);
    // A multiply-add with a weight that has to be looked up takes nearly twice as long.
    if (2 * entries + transposition * values > count) return std::nullopt;
    Sparse sparse{options, sparse_matrix(weight, bias)};
    return Convolution{
        [sparse](Operands &operands) { return run(sparse, operands); }, std::make_shared<SparseRows>(sparse)};
}

}  // namespace cplans
