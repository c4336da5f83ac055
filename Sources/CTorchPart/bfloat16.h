// Matrix products, attention and layer normalisation in bfloat16 for CPUs with AVX512-BF16. Not visible to Swift.
//
// libtorch's own bfloat16 product converts and reorders the weights at every call, and its versions differ in whether
// they have a fast one at all. Here weights are packed once, sums are kept in 32 bits, and what follows a product (bias,
// GELU, the residual) is done while its results are still in registers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace ctorch::bfloat16 {

/// The bits of a bfloat16: the upper half of a float.
using Bits = uint16_t;

/// Columns in a panel of packed weights: four vectors of sums.
constexpr int64_t panel_columns = 64;
/// Rows of a product that share one pass over a panel.
constexpr int64_t tile_rows = 6;
/// Rows of one task: with their depth block they stay in the second-level cache.
constexpr int64_t block_rows = 192;
/// Depth of one pass over a panel; longer ones are summed up in parts. Even.
constexpr int64_t block_depth = 1280;

/// Memory that starts where a cache line does.
template <typename Element>
class Buffer {
  public:
    Buffer() = default;
    explicit Buffer(size_t count) : count(count), values(allocate(count), std::free) {}
    Element *data() const { return values.get(); }
    /// At least `needed` elements; what was in them is lost when it grows.
    Element *reserve(size_t needed) {
        if (needed > count) *this = Buffer(needed);
        return data();
    }

  private:
    static Element *allocate(size_t count) {
        void *memory = std::aligned_alloc(64, (count * sizeof(Element) / 64 + 1) * 64);
        if (!memory) throw std::bad_alloc();
        return static_cast<Element *>(memory);
    }
    size_t count = 0;
    std::shared_ptr<Element> values;
};

/// A weight matrix of `columns` outputs and `depth` inputs in panels: for each pair of inputs, the pair's weights of the
/// panel's 64 outputs. Depth is padded to an even number and columns to whole panels, with zeros.
struct Packed {
    int64_t columns = 0, depth = 0;
    Buffer<Bits> values;

    int64_t pairs() const { return (depth + 1) / 2; }
    int64_t panels() const { return (columns + panel_columns - 1) / panel_columns; }
    size_t size() const { return static_cast<size_t>(panels() * pairs() * panel_columns * 2); }
    Bits *panel(int64_t index) const { return values.data() + index * pairs() * panel_columns * 2; }
};

/// out = activation(a × weightsᵀ × scale + bias) + residual, for some of the panels and all of the rows.
struct Product {
    const Bits *a;
    int64_t a_stride;  // elements from row to row
    int64_t rows;
    const Bits *panels;  // the first panel
    int64_t pairs, columns, first_panel, last_panel;
    float scale = 1;
    const float *bias = nullptr;
    bool gelu = false;
    const float *residual = nullptr;  // rows of out_stride elements
    float *out = nullptr;             // one of these two is set
    Bits *out_bits = nullptr;
    int64_t out_stride;
};

/// softmax(q × kᵀ × scale) × v for one head of one sequence.
struct Attention {
    const Bits *q, *k, *v;
    int64_t q_stride, k_stride, v_stride;  // elements from token to token
    int64_t queries, keys, size;           // tokens, tokens, numbers a head
    float scale;
    Bits *out;
    int64_t out_stride;
};

/// What a thread needs for a while.
struct Scratch {
    Buffer<float> sums;
    Buffer<Bits> keys, values, weights;
};

struct Kernels {
    /// Packs rows `first ..< last` panels of a (columns, depth) matrix of floats or of bfloat16.
    void (*pack_floats)(const float *source, const Packed &packed, int64_t first_panel, int64_t last_panel);
    void (*product)(const Product &, Scratch &);
    void (*attention)(const Attention &, Scratch &);
    /// Rows of `width` floats, normalised, scaled and shifted.
    void (*layer_norm)(
        const float *x, const float *weight, const float *bias, float eps, int64_t rows, int64_t width, Bits *out);
    void (*convert)(const float *x, Bits *out, int64_t count);
};

/// The kernels, or null where this machine has no AVX512-BF16.
const Kernels *kernels();

}  // namespace ctorch::bfloat16
