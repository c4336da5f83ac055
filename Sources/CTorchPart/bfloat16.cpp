#include "bfloat16.h"

#include <algorithm>
#include <cmath>

#if defined(__x86_64__)
#include <immintrin.h>

// The intrinsics' header comes first, so that the attribute reaches only what is here.
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma"))), apply_to = function)

namespace ctorch::bfloat16 {
namespace {

#define INLINE inline __attribute__((always_inline))

constexpr int vectors = panel_columns / 16;

INLINE __m512bh as_pairs(__m512i value) { return reinterpret_cast<__m512bh>(value); }

INLINE __m256i rounded(__m512 value) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(value)); }

/// e to the power of x, within 2e-7 of it; x at most 88.
INLINE __m512 exponential(__m512 x) {
    x = _mm512_max_ps(x, _mm512_set1_ps(-87.f));
    const __m512 turns = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504088896341f)), 0);
    // ln 2 in two parts, so that the rest is exact.
    __m512 rest = _mm512_fnmadd_ps(turns, _mm512_set1_ps(0.693359375f), x);
    rest = _mm512_fnmadd_ps(turns, _mm512_set1_ps(-2.12194440e-4f), rest);
    __m512 sum = _mm512_set1_ps(1.9875691500e-4f);
    sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(1.3981999507e-3f));
    sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(8.3334519073e-3f));
    sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(4.1665795894e-2f));
    sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(1.6666665459e-1f));
    sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(5.0000001201e-1f));
    sum = _mm512_fmadd_ps(_mm512_mul_ps(rest, rest), sum, _mm512_add_ps(rest, _mm512_set1_ps(1.f)));
    return _mm512_scalef_ps(sum, turns);
}

/// x Φ(x) with the error function itself, not the tanh that resembles it.
/// Source: Abramowitz & Stegun 7.1.26, absolute error below 1.5e-7.
INLINE __m512 gelu(__m512 x) {
    const __m512 z = _mm512_mul_ps(_mm512_abs_ps(x), _mm512_set1_ps(0.70710678118654752f));
    const __m512 t = _mm512_div_ps(
        _mm512_set1_ps(1.f), _mm512_fmadd_ps(z, _mm512_set1_ps(0.3275911f), _mm512_set1_ps(1.f)));
    __m512 sum = _mm512_set1_ps(1.061405429f);
    sum = _mm512_fmadd_ps(sum, t, _mm512_set1_ps(-1.453152027f));
    sum = _mm512_fmadd_ps(sum, t, _mm512_set1_ps(1.421413741f));
    sum = _mm512_fmadd_ps(sum, t, _mm512_set1_ps(-0.284496736f));
    sum = _mm512_fmadd_ps(sum, t, _mm512_set1_ps(0.254829592f));
    // 1 − erf(z)
    const __m512 tail = _mm512_mul_ps(
        _mm512_mul_ps(sum, t), exponential(_mm512_sub_ps(_mm512_setzero_ps(), _mm512_mul_ps(z, z))));
    // Φ(x) is 1 − tail/2 to the right of zero and tail/2 to the left.
    const __m512 half = _mm512_mul_ps(tail, _mm512_set1_ps(0.5f));
    const __mmask16 positive = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GE_OQ);
    return _mm512_mul_ps(x, _mm512_mask_sub_ps(half, positive, _mm512_set1_ps(1.f), half));
}

/// Adds `pairs` pairs' products to Rows × 4 vectors of sums.
template <int Rows>
INLINE void accumulate(
    const Bits *a, int64_t a_stride, const Bits *panel, int64_t pairs, __m512 (&sums)[Rows][vectors]) {
    for (int64_t pair = 0; pair < pairs; ++pair) {
        __m512bh weights[vectors];
#pragma clang loop unroll(full)
        for (int vector = 0; vector < vectors; ++vector) {
            weights[vector] = as_pairs(_mm512_load_si512(panel + vector * 32));
        }
        _mm_prefetch(reinterpret_cast<const char *>(panel) + 2048, _MM_HINT_T0);
        _mm_prefetch(reinterpret_cast<const char *>(panel) + 2048 + 64, _MM_HINT_T0);
        _mm_prefetch(reinterpret_cast<const char *>(panel) + 2048 + 128, _MM_HINT_T0);
        _mm_prefetch(reinterpret_cast<const char *>(panel) + 2048 + 192, _MM_HINT_T0);
        panel += panel_columns * 2;
#pragma clang loop unroll(full)
        for (int row = 0; row < Rows; ++row) {
            int32_t value;
            std::memcpy(&value, a + row * a_stride + 2 * pair, sizeof value);
            const __m512bh both = as_pairs(_mm512_set1_epi32(value));
#pragma clang loop unroll(full)
            for (int vector = 0; vector < vectors; ++vector) {
                sums[row][vector] = _mm512_dpbf16_ps(sums[row][vector], both, weights[vector]);
            }
        }
    }
}

/// `Rows` rows from `row` of one panel, over the depth's part `first ..< last` in pairs. Parts before the last leave
/// their sums in `partial`, rows of a panel's width.
template <int Rows>
void tile(
    const Product &p, int64_t row, int64_t panel, int64_t first, int64_t last, float *partial) {
    __m512 sums[Rows][vectors];
    float *kept = partial + row * panel_columns;
#pragma clang loop unroll(full)
    for (int r = 0; r < Rows; ++r) {
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; ++v) {
            sums[r][v] = first == 0 ? _mm512_setzero_ps() : _mm512_load_ps(kept + r * panel_columns + v * 16);
        }
    }
    accumulate<Rows>(
        p.a + row * p.a_stride + 2 * first, p.a_stride,
        p.panels + (panel * p.pairs + first) * panel_columns * 2, last - first, sums);
    if (last < p.pairs) {
#pragma clang loop unroll(full)
        for (int r = 0; r < Rows; ++r) {
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; ++v) _mm512_store_ps(kept + r * panel_columns + v * 16, sums[r][v]);
        }
        return;
    }
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; ++v) {
        const int64_t column = panel * panel_columns + v * 16;
        const int64_t real = p.columns - column;
        if (real <= 0) break;
        const __mmask16 mask = real >= 16 ? 0xffff : static_cast<__mmask16>((1 << real) - 1);
        const __m512 bias = p.bias ? _mm512_maskz_loadu_ps(mask, p.bias + column) : _mm512_setzero_ps();
#pragma clang loop unroll(full)
        for (int r = 0; r < Rows; ++r) {
            __m512 value = _mm512_fmadd_ps(sums[r][v], _mm512_set1_ps(p.scale), bias);
            if (p.gelu) value = gelu(value);
            const int64_t place = (row + r) * p.out_stride + column;
            if (p.residual) value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, p.residual + place));
            if (p.out) {
                _mm512_mask_storeu_ps(p.out + place, mask, value);
            } else {
                _mm256_mask_storeu_epi16(p.out_bits + place, mask, rounded(value));
            }
        }
    }
}

void some_rows(const Product &p, int64_t rows, int64_t row, int64_t panel, int64_t first, int64_t last, float *partial) {
    switch (rows) {
    case 1: return tile<1>(p, row, panel, first, last, partial);
    case 2: return tile<2>(p, row, panel, first, last, partial);
    case 3: return tile<3>(p, row, panel, first, last, partial);
    case 4: return tile<4>(p, row, panel, first, last, partial);
    case 5: return tile<5>(p, row, panel, first, last, partial);
    default: return tile<6>(p, row, panel, first, last, partial);
    }
}

void product(const Product &p, Scratch &scratch) {
    float *partial = scratch.sums.reserve(static_cast<size_t>(p.rows * panel_columns));
    for (int64_t panel = p.first_panel; panel < p.last_panel; ++panel) {
        for (int64_t first = 0; first < p.pairs; first += block_depth / 2) {
            const int64_t last = std::min(p.pairs, first + block_depth / 2);
            for (int64_t row = 0; row < p.rows; row += tile_rows) {
                some_rows(p, std::min(tile_rows, p.rows - row), row, panel, first, last, partial);
            }
        }
    }
}

void pack_floats(const float *source, const Packed &packed, int64_t first_panel, int64_t last_panel) {
    const int64_t depth = packed.depth, pairs = packed.pairs();
    // Pairs across the columns of a vector: 16 rows of the source, read 16 floats at a time, are turned by gathers of
    // whole lines in the first-level cache.
    for (int64_t panel = first_panel; panel < last_panel; ++panel) {
        auto *target = reinterpret_cast<uint32_t *>(packed.panel(panel));
        for (int64_t column = 0; column < panel_columns; ++column) {
            const int64_t row = panel * panel_columns + column;
            if (row >= packed.columns) {
                for (int64_t pair = 0; pair < pairs; ++pair) target[pair * panel_columns + column] = 0;
                continue;
            }
            const float *values = source + row * depth;
            alignas(64) uint32_t both[16];
            int64_t pair = 0;
            for (; pair + 16 <= depth / 2; pair += 16) {
                const __m512bh line = _mm512_cvtne2ps_pbh(
                    _mm512_loadu_ps(values + 2 * pair + 16), _mm512_loadu_ps(values + 2 * pair));
                _mm512_store_si512(both, reinterpret_cast<__m512i>(line));
                for (int64_t index = 0; index < 16; ++index) {
                    target[(pair + index) * panel_columns + column] = both[index];
                }
            }
            for (; pair < pairs; ++pair) {
                const float low = values[2 * pair], high = 2 * pair + 1 < depth ? values[2 * pair + 1] : 0;
                const __m256i line = rounded(_mm512_setr_ps(low, high, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
                target[pair * panel_columns + column] = static_cast<uint32_t>(_mm256_extract_epi32(line, 0));
            }
        }
    }
}

/// Tokens as the columns of a product over a head's numbers.
void pack_keys(const Attention &a, int64_t pairs, Bits *packed) {
    const int64_t panels = (a.keys + panel_columns - 1) / panel_columns;
    for (int64_t panel = 0; panel < panels; ++panel) {
        auto *target = reinterpret_cast<uint32_t *>(packed + panel * pairs * panel_columns * 2);
        for (int64_t column = 0; column < panel_columns; ++column) {
            const int64_t token = panel * panel_columns + column;
            const Bits *values = a.k + token * a.k_stride;
            for (int64_t pair = 0; pair < pairs; ++pair) {
                uint32_t both = 0;
                if (token < a.keys) {
                    std::memcpy(&both, values + 2 * pair, 2 * pair + 1 < a.size ? sizeof both : sizeof(Bits));
                }
                target[pair * panel_columns + column] = both;
            }
        }
    }
}

/// A head's numbers as the columns of a product over tokens.
void pack_values(const Attention &a, int64_t pairs, Bits *packed) {
    const int64_t panels = (a.size + panel_columns - 1) / panel_columns;
    for (int64_t panel = 0; panel < panels; ++panel) {
        auto *target = reinterpret_cast<uint32_t *>(packed + panel * pairs * panel_columns * 2);
        const int64_t real = std::min(panel_columns, a.size - panel * panel_columns);
        for (int64_t pair = 0; pair < pairs; ++pair, target += panel_columns) {
            const Bits *even = a.v + 2 * pair * a.v_stride + panel * panel_columns;
            const Bits *odd = even + a.v_stride;
            const bool has_odd = 2 * pair + 1 < a.keys;
            for (int64_t column = 0; column < panel_columns; ++column) {
                const uint32_t low = column < real ? even[column] : 0;
                const uint32_t high = column < real && has_odd ? odd[column] : 0;
                target[column] = low | high << 16;
            }
        }
    }
}

void attention(const Attention &a, Scratch &scratch) {
    const int64_t size_pairs = (a.size + 1) / 2, key_pairs = (a.keys + 1) / 2, width = 2 * key_pairs;
    const int64_t key_panels = (a.keys + panel_columns - 1) / panel_columns;
    const int64_t value_panels = (a.size + panel_columns - 1) / panel_columns;
    Bits *keys = scratch.keys.reserve(static_cast<size_t>(key_panels * size_pairs * panel_columns * 2));
    Bits *values = scratch.values.reserve(static_cast<size_t>(value_panels * key_pairs * panel_columns * 2));
    pack_keys(a, size_pairs, keys);
    pack_values(a, key_pairs, values);
    // As many queries at a time as keep their scores in the first caches.
    constexpr int64_t part = 8 * tile_rows;
    float *scores = scratch.sums.reserve(static_cast<size_t>(part * (width + panel_columns)));
    float *partial = scores + part * width;
    Bits *weights = scratch.weights.reserve(static_cast<size_t>(part * width));
    for (int64_t query = 0; query < a.queries; query += part) {
        const int64_t rows = std::min(part, a.queries - query);
        Product p{};
        p.a = a.q + query * a.q_stride;
        p.a_stride = a.q_stride;
        p.rows = rows;
        p.panels = keys;
        p.pairs = size_pairs;
        p.columns = a.keys;
        p.scale = a.scale;
        p.out = scores;
        p.out_stride = width;
        for (int64_t panel = 0; panel < key_panels; ++panel) {
            for (int64_t row = 0; row < rows; row += tile_rows) {
                some_rows(p, std::min(tile_rows, rows - row), row, panel, 0, size_pairs, partial);
            }
        }
        for (int64_t row = 0; row < rows; ++row) {
            float *line = scores + row * width;
            __m512 top = _mm512_set1_ps(-INFINITY);
            for (int64_t key = 0; key < a.keys; key += 16) {
                const __mmask16 mask = a.keys - key >= 16 ? 0xffff : static_cast<__mmask16>((1 << (a.keys - key)) - 1);
                top = _mm512_mask_max_ps(top, mask, top, _mm512_maskz_loadu_ps(mask, line + key));
            }
            const __m512 highest = _mm512_set1_ps(_mm512_reduce_max_ps(top));
            __m512 total = _mm512_setzero_ps();
            for (int64_t key = 0; key < a.keys; key += 16) {
                const __mmask16 mask = a.keys - key >= 16 ? 0xffff : static_cast<__mmask16>((1 << (a.keys - key)) - 1);
                const __m512 value = _mm512_maskz_mov_ps(
                    mask, exponential(_mm512_sub_ps(_mm512_maskz_loadu_ps(mask, line + key), highest)));
                total = _mm512_add_ps(total, value);
                _mm512_mask_storeu_ps(line + key, mask, value);
            }
            const __m512 share = _mm512_set1_ps(1.f / _mm512_reduce_add_ps(total));
            Bits *chosen = weights + row * width;
            if (width > a.keys) chosen[a.keys] = 0;
            for (int64_t key = 0; key < a.keys; key += 16) {
                const __mmask16 mask = a.keys - key >= 16 ? 0xffff : static_cast<__mmask16>((1 << (a.keys - key)) - 1);
                _mm256_mask_storeu_epi16(
                    chosen + key, mask, rounded(_mm512_mul_ps(_mm512_maskz_loadu_ps(mask, line + key), share)));
            }
        }
        Product o{};
        o.a = weights;
        o.a_stride = width;
        o.rows = rows;
        o.panels = values;
        o.pairs = key_pairs;
        o.columns = a.size;
        o.out_bits = a.out + query * a.out_stride;
        o.out_stride = a.out_stride;
        for (int64_t panel = 0; panel < value_panels; ++panel) {
            for (int64_t row = 0; row < rows; row += tile_rows) {
                some_rows(o, std::min(tile_rows, rows - row), row, panel, 0, key_pairs, partial);
            }
        }
    }
}

void layer_norm(
    const float *x, const float *weight, const float *bias, float eps, int64_t rows, int64_t width, Bits *out) {
    for (int64_t row = 0; row < rows; ++row, x += width, out += width) {
        __m512 sums = _mm512_setzero_ps();
        for (int64_t i = 0; i < width; i += 16) {
            const __mmask16 mask = width - i >= 16 ? 0xffff : static_cast<__mmask16>((1 << (width - i)) - 1);
            sums = _mm512_add_ps(sums, _mm512_maskz_loadu_ps(mask, x + i));
        }
        const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sums) / static_cast<float>(width));
        __m512 squares = _mm512_setzero_ps();
        for (int64_t i = 0; i < width; i += 16) {
            const __mmask16 mask = width - i >= 16 ? 0xffff : static_cast<__mmask16>((1 << (width - i)) - 1);
            const __m512 off = _mm512_maskz_sub_ps(mask, _mm512_maskz_loadu_ps(mask, x + i), mean);
            squares = _mm512_fmadd_ps(off, off, squares);
        }
        const float variance = _mm512_reduce_add_ps(squares) / static_cast<float>(width);
        const __m512 factor = _mm512_set1_ps(1.f / std::sqrt(variance + eps));
        for (int64_t i = 0; i < width; i += 16) {
            const __mmask16 mask = width - i >= 16 ? 0xffff : static_cast<__mmask16>((1 << (width - i)) - 1);
            const __m512 off = _mm512_mul_ps(_mm512_sub_ps(_mm512_maskz_loadu_ps(mask, x + i), mean), factor);
            const __m512 value = _mm512_fmadd_ps(
                off, _mm512_maskz_loadu_ps(mask, weight + i), _mm512_maskz_loadu_ps(mask, bias + i));
            _mm256_mask_storeu_epi16(out + i, mask, rounded(value));
        }
    }
}

void convert(const float *x, Bits *out, int64_t count) {
    for (int64_t i = 0; i < count; i += 16) {
        const __mmask16 mask = count - i >= 16 ? 0xffff : static_cast<__mmask16>((1 << (count - i)) - 1);
        _mm256_mask_storeu_epi16(out + i, mask, rounded(_mm512_maskz_loadu_ps(mask, x + i)));
    }
}

constexpr Kernels table{pack_floats, product, attention, layer_norm, convert};

}  // namespace
}  // namespace ctorch::bfloat16

#pragma clang attribute pop
#endif

namespace ctorch::bfloat16 {

const Kernels *kernels() {
#if defined(__x86_64__)
    static const bool supported = __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
    return supported ? &table : nullptr;
#else
    return nullptr;
#endif
}

}  // namespace ctorch::bfloat16
