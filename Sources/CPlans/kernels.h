// Convolution and resize kernels of our own for CPUs: the shapes of pose networks (few channels, depthwise convolutions,
// batch 1) leave general libraries waiting on their per-call costs. Not visible to Swift.
//
// Images are (batch, height, width, channels) float32, densely packed. Each kernel exists once for every instruction set
// in kernels.inc's includers; kernels() picks the best that this machine has.
#pragma once

#include "array.h"

namespace cplans {

/// Limits applied to a result: an activation without a branch.
struct Limits {
    float low, high;
};

/// The weights of a dense convolution, as a matrix of `depth` rows (window row, window column, input channel) and
/// `columns` columns (output channel), cut into panels of a few vectors' width that are stored one after the other.
struct PackedMatrix {
    struct Panel {
        int64_t column;   // the first of its columns
        int64_t vectors;  // its width in vectors
        int64_t offset;   // where its values start
    };
    int64_t depth = 0, columns = 0;
    std::vector<Panel> panels;
    Floats values;
    Floats bias;  // padded to whole vectors
};

/// Most rows of a window that kernels take.
constexpr int64_t max_window = 5;

/// `rows` rows of a matrix product: out = limits(a × matrix + bias + residual). A row of `a` may lie in several places, each
/// with an equal part of it: so the lines of a window need not be copied together.
struct Product {
    const float *lines[max_window];  // where the parts of the first row begin
    int64_t line_count = 1;
    int64_t a_stride;  // floats from row to row
    float *out;        // rows lie `columns` floats apart
    const float *residual;  // laid out as `out`, or null
    int64_t rows;
    const PackedMatrix *matrix;
    size_t first_panel, last_panel;
    Limits limits;
};

/// The weights of a pointwise convolution that are not zero, of a matrix laid out as PackedMatrix describes.
///
/// It is cut into blocks of rows, so that what a block is multiplied with stays in the first-level cache, and the columns into
/// groups of a vector's width. Within a block and a group two columns of about as many entries each are a pair: they are
/// computed together, for one sum alone would wait for each of its terms. Where one of two is longer, zeros fill the other.
struct SparseMatrix {
    struct Entry {
        uint32_t row[2];  // of each column, within the block
        float value[2];
    };
    struct Pair {
        uint32_t column[2];  // within the group
        uint32_t first, last;
    };
    int64_t depth = 0, columns = 0;
    int64_t block = 0;         // rows of every block but the last
    std::vector<Pair> pairs;   // by block and group
    std::vector<Entry> entries;
    Floats bias;               // one more than there are columns, for a pair's second where they are odd

    /// Most rows of a block, and most floats of pixels that one is multiplied with at once.
    static constexpr int64_t deepest = 128, cached = 8 * 1024;
    /// How many vectors of pixels are worked on at once.
    int64_t vectors(int64_t lanes) const {
        int64_t count = cached / (block * lanes);
        return count < 4 ? count : 4;
    }
    int64_t blocks() const { return (depth + block - 1) / block; }
};

/// `rows` rows of a product with a sparse matrix: out = limits(a × matrix + bias + residual). Rows are densely packed.
struct SparseProduct {
    const float *a;
    float *out;
    const float *residual;  // laid out as `out`, or null
    int64_t rows;
    const SparseMatrix *matrix;
    float *scratch;  // SparseMatrix::cached floats, and a row of pixels for each column of a group, or of all where there are
                     // several blocks, and one more
    Limits limits;
};

/// One row of output pixels of a depthwise convolution.
struct DepthwiseRow {
    const float *rows[max_window];  // the input rows under the window, null outside of the image
    float *out;
    const float *residual;  // laid out as `out`, or null
    const float *weights;   // (window row, window column, channel)
    const float *bias;
    const float *zeros;     // at least `channels` of them
    int64_t width, channels, out_width;
    int64_t left;  // columns of zeros before the image
    Limits limits;
};

/// One row of output pixels of a convolution whose result has few channels, too few to fill a vector.
struct NarrowRow {
    const float *image;  // one image of the batch
    float *out;
    const float *residual;  // laid out as `out`, or null
    const float *weights;   // (out channel, window row, window column, channel)
    const float *bias;
    int64_t height, width, channels, out_width, out_channels, window_height, window_width, stride;
    int64_t top;   // the first input row of the window; may lie outside of the image
    int64_t left;  // columns of zeros before the image
    Limits limits;
};

/// One row of output pixels of a bilinear resize.
struct ResizeRow {
    const float *upper, *lower;  // the two input rows
    float weight;                // of the lower one
    const int64_t *left, *right;  // for each output pixel, where its two input pixels start
    const float *weights;         // of the right ones
    float *out;
    const float *residual;  // laid out as `out`, or null
    int64_t out_width, channels;
    Limits limits;
};

struct Kernels {
    const char *name;
    int64_t lanes;        // floats in a vector
    int64_t max_vectors;  // the widest panel
    void (*product)(const Product &);
    void (*sparse_product)(const SparseProduct &);
    /// Null results where there is no kernel for this window and stride.
    void (*(*depthwise)(int64_t window, int64_t stride))(const DepthwiseRow &);
    void (*narrow)(const NarrowRow &);
    void (*resize)(const ResizeRow &);
    /// out = limits(a + b)
    void (*sum)(const float *a, const float *b, float *out, int64_t count, Limits limits);
    void (*crop)(const cplans_crop &crop, float *out);
};

/// The best kernels for this machine.
const Kernels &kernels();

extern const Kernels baseline_kernels;
#if defined(__x86_64__)
extern const Kernels avx2_kernels;
extern const Kernels avx512_kernels;
#endif

}  // namespace cplans
