#include "bfloat16.h"
#include "internal.h"
#include "workers.h"

#include <ATen/Parallel.h>
#include <ATen/ops/add.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/softmax.h>
#include <torch/csrc/api/include/torch/version.h>
#if TORCH_VERSION_MAJOR >= 2
#include <ATen/ops/scaled_dot_product_attention.h>
#endif

#include <algorithm>
#include <cmath>
#include <memory>
#include <mutex>
#include <vector>

using ctorch::guarded;
using ctorch::wrap;
namespace bf16 = ctorch::bfloat16;

struct ctorch_linear_s {
    int64_t columns, depth;
    at::ScalarType precision;
    at::Device device;
    bool packs;           // the weights are in `packed`, or else in `weight`
    bf16::Packed packed;
    at::Tensor weight;    // (columns, depth) in the precision
    at::Tensor bias;      // (columns): 32-bit where packed, else in the precision; undefined without one
};

namespace {

/// The threads of this library's own kernels: one set for the process, which one operation uses at a time, and as many
/// as ctorch_set_threads says.
template <typename Body>
void share_work(int64_t tasks, const Body &body) {
    static std::mutex mutex;
    static std::unique_ptr<workers::Workers> workers;
    static std::vector<bf16::Scratch> scratch;
    std::lock_guard<std::mutex> lock(mutex);
    const int32_t threads = std::max(1, at::get_num_threads());
    if (!workers || workers->threads() != threads) {
        workers = std::make_unique<workers::Workers>(threads);
        scratch.resize(static_cast<size_t>(threads));
    }
    workers->run(static_cast<uint32_t>(tasks), [&](uint32_t task, int32_t thread) {
        body(static_cast<int64_t>(task), scratch[static_cast<size_t>(thread)]);
    });
}

bool packs(at::ScalarType precision, const at::Device &device) {
    return precision == at::kBFloat16 && device.is_cpu() && bf16::kernels() != nullptr;
}

bf16::Bits *bits(const at::Tensor &tensor) { return static_cast<bf16::Bits *>(tensor.data_ptr()); }

at::ScalarType precision_type(ctorch_dtype dtype, const at::Device &device) {
    const at::ScalarType type = ctorch::scalar_type(dtype);
    if (type != at::kFloat && type != at::kHalf && type != at::kBFloat16) {
        throw std::invalid_argument("the precision of a layer is float32, float16 or bfloat16");
    }
    if (type == at::kHalf && device.is_cpu()) throw std::invalid_argument("a CPU does not compute in float16");
    return type;
}

/// The same numbers in bfloat16, row-major.
at::Tensor in_bfloat16(const at::Tensor &tensor) {
    if (tensor.scalar_type() == at::kBFloat16) return tensor.contiguous();
    const at::Tensor source = tensor.to(at::kFloat).contiguous();
    at::Tensor result = at::empty(source.sizes(), source.options().dtype(at::kBFloat16));
    constexpr int64_t part = 1 << 16;
    const int64_t count = source.numel();
    const float *from = source.data_ptr<float>();
    bf16::Bits *to = bits(result);
    share_work((count + part - 1) / part, [&](int64_t task, bf16::Scratch &) {
        bf16::kernels()->convert(from + task * part, to + task * part, std::min(part, count - task * part));
    });
    return result;
}

at::Tensor run_packed(
    const ctorch_linear_s &linear, const at::Tensor &input, bool gelu, const at::Tensor *residual,
    at::ScalarType out_type) {
    const at::Tensor a = in_bfloat16(input);
    std::vector<int64_t> shape = a.sizes().vec();
    shape.back() = linear.columns;
    const bool narrow = out_type == at::kBFloat16;
    at::Tensor out = at::empty(shape, a.options().dtype(narrow ? at::kBFloat16 : at::kFloat));
    const at::Tensor added = residual ? residual->to(at::kFloat).contiguous() : at::Tensor();

    const int64_t rows = a.numel() / linear.depth;
    const int64_t panels = linear.packed.panels();
    const int64_t blocks = (rows + bf16::block_rows - 1) / bf16::block_rows;
    share_work(panels * blocks, [&](int64_t task, bf16::Scratch &scratch) {
        // Panels vary fastest: the threads share a block of rows and each reads its own weights.
        const int64_t first = task / panels * bf16::block_rows, panel = task % panels;
        bf16::Product p{};
        p.a = bits(a) + first * linear.depth;
        p.a_stride = linear.depth;
        p.rows = std::min(bf16::block_rows, rows - first);
        p.panels = linear.packed.values.data();
        p.pairs = linear.packed.pairs();
        p.columns = linear.columns;
        p.first_panel = panel;
        p.last_panel = panel + 1;
        p.bias = linear.bias.defined() ? linear.bias.data_ptr<float>() : nullptr;
        p.gelu = gelu;
        p.out_stride = linear.columns;
        if (residual) p.residual = added.data_ptr<float>() + first * linear.columns;
        if (narrow) {
            p.out_bits = bits(out) + first * linear.columns;
        } else {
            p.out = out.data_ptr<float>() + first * linear.columns;
        }
        bf16::kernels()->product(p, scratch);
    });
    return out;
}

at::Tensor run_aten(
    const ctorch_linear_s &linear, const at::Tensor &input, bool gelu, const at::Tensor *residual,
    at::ScalarType out_type) {
    at::Tensor out = at::linear(input.to(linear.precision), linear.weight, linear.bias);
    if (gelu) out = at::gelu(out);
    if (residual) out = at::add(out.to(residual->scalar_type()), *residual);
    return out.to(out_type);
}

/// A view of (batch, tokens, numbers) whose numbers lie one after another.
struct Tokens {
    const at::Tensor &value;
    int64_t batch() const { return value.size(0); }
    int64_t count() const { return value.size(1); }
    bf16::Bits *head(int64_t sequence, int64_t first) const {
        return bits(value) + sequence * value.stride(0) + first;
    }
};

at::Tensor attend_packed(const Tokens &q, const Tokens &k, const Tokens &v, int64_t heads) {
    const int64_t width = q.value.size(2), size = width / heads;
    at::Tensor out = at::empty({q.batch(), q.count(), width}, q.value.options());
    const Tokens result{out};
    share_work(q.batch() * heads, [&](int64_t task, bf16::Scratch &scratch) {
        const int64_t sequence = task / heads, first = task % heads * size;
        bf16::Attention a{};
        a.q = q.head(sequence, first);
        a.k = k.head(sequence, first);
        a.v = v.head(sequence, first);
        a.q_stride = q.value.stride(1);
        a.k_stride = k.value.stride(1);
        a.v_stride = v.value.stride(1);
        a.queries = q.count();
        a.keys = k.count();
        a.size = size;
        a.scale = 1.f / std::sqrt(static_cast<float>(size));
        a.out = result.head(sequence, first);
        a.out_stride = width;
        bf16::kernels()->attention(a, scratch);
    });
    return out;
}

at::Tensor attend_aten(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, int64_t heads) {
    const auto split = [&](const at::Tensor &tokens) {
        return tokens.reshape({tokens.size(0), tokens.size(1), heads, tokens.size(2) / heads}).permute({0, 2, 1, 3});
    };
#if TORCH_VERSION_MAJOR >= 2
    const at::Tensor mixed = at::scaled_dot_product_attention(split(q), split(k), split(v));
#else
    const double scale = 1 / std::sqrt(static_cast<double>(q.size(2) / heads));
    const at::Tensor scores = at::mul(at::matmul(split(q), split(k).transpose(-2, -1)), scale);
    const at::Tensor mixed = at::matmul(at::softmax(scores, -1), split(v));
#endif
    return mixed.permute({0, 2, 1, 3}).reshape({q.size(0), q.size(1), q.size(2)});
}

}  // namespace

int32_t ctorch_bfloat16_kernels(void) { return bf16::kernels() != nullptr; }

ctorch_status ctorch_linear_create(
    const float *weight, const float *bias, int64_t columns, int64_t depth, ctorch_dtype precision,
    ctorch_device device, ctorch_linear *out) {
    return guarded([&] {
        const at::Device place = ctorch::device(device);
        auto linear = std::make_unique<ctorch_linear_s>(ctorch_linear_s{
            columns, depth, precision_type(precision, place), place, false, {}, {}, {}});
        // The kernels read inputs in pairs.
        linear->packs = packs(linear->precision, place) && depth % 2 == 0;
        const auto copy = [&](const float *values, at::IntArrayRef shape, at::ScalarType type) {
            // from_blob only reads; the copy has the caller's numbers before this function returns.
            const at::Tensor source = at::from_blob(const_cast<float *>(values), shape, at::TensorOptions(at::kFloat));
            return source.to(at::TensorOptions(type).device(place), /*non_blocking=*/false, /*copy=*/true);
        };
        if (linear->packs) {
            linear->packed.columns = columns;
            linear->packed.depth = depth;
            linear->packed.values = bf16::Buffer<bf16::Bits>(linear->packed.size());
            share_work(linear->packed.panels(), [&](int64_t panel, bf16::Scratch &) {
                bf16::kernels()->pack_floats(weight, linear->packed, panel, panel + 1);
            });
            if (bias) linear->bias = copy(bias, {columns}, at::kFloat);
        } else {
            linear->weight = copy(weight, {columns, depth}, linear->precision);
            if (bias) linear->bias = copy(bias, {columns}, linear->precision);
        }
        *out = linear.release();
    });
}

void ctorch_linear_free(ctorch_linear linear) { delete linear; }

ctorch_status ctorch_linear_run(
    ctorch_linear linear, ctorch_tensor input, int32_t gelu, ctorch_tensor residual, ctorch_dtype out_dtype,
    ctorch_tensor *out) {
    return guarded([&] {
        const at::Tensor &value = input->value;
        if (value.dim() < 1 || value.size(-1) != linear->depth) {
            throw std::invalid_argument("the layer takes " + std::to_string(linear->depth) + " numbers a row");
        }
        if (residual) {
            std::vector<int64_t> shape = value.sizes().vec();
            shape.back() = linear->columns;
            if (residual->value.sizes() != at::IntArrayRef(shape)) {
                throw std::invalid_argument("the residual has another shape than the layer's result");
            }
        }
        const at::ScalarType type = ctorch::scalar_type(out_dtype);
        const at::Tensor *added = residual ? &residual->value : nullptr;
        *out = wrap(
            linear->packs ? run_packed(*linear, value, gelu, added, type)
                          : run_aten(*linear, value, gelu, added, type));
    });
}

ctorch_status ctorch_layer_norm(
    ctorch_tensor x, ctorch_tensor weight, ctorch_tensor bias, double epsilon, ctorch_dtype out_dtype,
    ctorch_tensor *out) {
    return guarded([&] {
        const at::Tensor &value = x->value;
        const int64_t width = weight->value.size(0);
        const at::ScalarType type = ctorch::scalar_type(out_dtype);
        const bool own = packs(type, value.device()) && value.scalar_type() == at::kFloat
            && weight->value.scalar_type() == at::kFloat && bias->value.scalar_type() == at::kFloat
            && value.dim() > 0 && value.size(-1) == width;
        if (!own) {
            *out = wrap(at::layer_norm(value, {width}, weight->value, bias->value, epsilon).to(type));
            return;
        }
        const at::Tensor source = value.contiguous();
        const at::Tensor scale = weight->value.contiguous(), shift = bias->value.contiguous();
        at::Tensor result = at::empty(source.sizes(), source.options().dtype(at::kBFloat16));
        constexpr int64_t part = 16;
        const int64_t rows = source.numel() / width;
        const float *from = source.data_ptr<float>();
        share_work((rows + part - 1) / part, [&](int64_t task, bf16::Scratch &) {
            const int64_t first = task * part;
            bf16::kernels()->layer_norm(
                from + first * width, scale.data_ptr<float>(), shift.data_ptr<float>(), static_cast<float>(epsilon),
                std::min(part, rows - first), width, bits(result) + first * width);
        });
        *out = wrap(std::move(result));
    });
}

ctorch_status ctorch_attention(
    ctorch_tensor q, ctorch_tensor k, ctorch_tensor v, int64_t heads, ctorch_tensor *out) {
    return guarded([&] {
        const at::Tensor *tokens[] = {&q->value, &k->value, &v->value};
        for (const at::Tensor *value : tokens) {
            if (value->dim() != 3 || value->size(2) != q->value.size(2) || value->size(0) != q->value.size(0)
                || value->scalar_type() != q->value.scalar_type()) {
                throw std::invalid_argument("queries, keys and values differ in batch, width or element type");
            }
        }
        if (k->value.size(1) != v->value.size(1)) throw std::invalid_argument("keys and values differ in number");
        if (heads < 1 || q->value.size(2) % heads != 0) {
            throw std::invalid_argument(
                std::to_string(q->value.size(2)) + " numbers cannot be divided among " + std::to_string(heads)
                + " heads");
        }
        bool own = packs(q->value.scalar_type(), q->value.device()) && q->value.size(2) / heads % 2 == 0;
        for (const at::Tensor *value : tokens) own = own && value->stride(2) == 1;
        *out = wrap(
            own ? attend_packed({q->value}, {k->value}, {v->value}, heads)
                : attend_aten(q->value, k->value, v->value, heads));
    });
}
