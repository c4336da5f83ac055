// What transformers over sequences with gaps need besides the layers in transformer.cpp.
#include "internal.h"

#include <ATen/ops/conv1d.h>
#include <ATen/ops/conv_transpose1d.h>
#include <ATen/ops/masked_fill.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/softmax.h>

#include <cmath>

using ctorch::guarded;
using ctorch::wrap;

ctorch_status ctorch_attention_hiding(
    ctorch_tensor q, ctorch_tensor k, ctorch_tensor v, int64_t heads, ctorch_tensor hidden, double score,
    ctorch_tensor *out) {
    return guarded([&] {
        const at::Tensor &queries = q->value, &keys = k->value, &values = v->value;
        if (queries.dim() != 3 || keys.dim() != 3 || keys.sizes() != values.sizes() || queries.size(0) != keys.size(0)
            || queries.size(2) != keys.size(2)) {
            throw std::invalid_argument("queries, keys and values differ in batch, width or number");
        }
        if (heads < 1 || queries.size(2) % heads != 0) {
            throw std::invalid_argument(
                std::to_string(queries.size(2)) + " numbers cannot be divided among " + std::to_string(heads)
                + " heads");
        }
        if (hidden->value.sizes() != keys.sizes().slice(0, 2)) {
            throw std::invalid_argument("there is not one mark for each key");
        }
        const int64_t size = queries.size(2) / heads;
        const auto split = [&](const at::Tensor &tokens) {
            return tokens.to(at::kFloat).reshape({tokens.size(0), tokens.size(1), heads, size}).permute({0, 2, 1, 3});
        };
        const double scale = 1 / std::sqrt(static_cast<double>(size));
        const at::Tensor scores = at::mul(at::matmul(split(queries), split(keys).transpose(-2, -1)), scale);
        const at::Tensor marks = hidden->value.to(at::kBool).reshape({keys.size(0), 1, 1, keys.size(1)});
        const at::Tensor weights = at::softmax(at::masked_fill(scores, marks, score), -1);
        *out = wrap(at::matmul(weights, split(values)).permute({0, 2, 1, 3}).reshape(queries.sizes()));
    });
}

ctorch_status ctorch_conv1d(
    ctorch_tensor input, ctorch_tensor weight, ctorch_tensor bias, int64_t stride, int64_t padding,
    ctorch_tensor *out) {
    return guarded([&] {
        *out = wrap(at::conv1d(
            input->value, weight->value, bias->value, at::IntArrayRef({stride}), at::IntArrayRef({padding})));
    });
}

ctorch_status ctorch_conv1d_transposed(
    ctorch_tensor input, ctorch_tensor weight, ctorch_tensor bias, int64_t stride, int64_t padding,
    ctorch_tensor *out) {
    return guarded([&] {
        *out = wrap(at::conv_transpose1d(
            input->value, weight->value, bias->value, at::IntArrayRef({stride}), at::IntArrayRef({padding})));
    });
}
