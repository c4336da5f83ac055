// Convolutions, on the fastest kernels that this libtorch has: XNNPACK's where it is built with them (Debian's 1.13),
// oneDNN's with fused activations where not (PyPI's wheels), and ATen's own elsewhere, such as on CUDA.
#include "plan.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>

namespace ctorch {

namespace {

bool has_operator(const char *name, const char *overload) {
    return c10::Dispatcher::singleton().findSchema({name, overload}).has_value();
}

constexpr const char *xnnpack_prepack = "prepacked::conv2d_clamp_prepack";
constexpr const char *xnnpack_run = "prepacked::conv2d_clamp_run";
constexpr const char *onednn_reorder = "mkldnn::_reorder_convolution_weight";
constexpr const char *onednn_run = "mkldnn::_convolution_pointwise";

/// Zeros around the image, for margins that a convolution cannot take itself: those that differ between sides.
at::Tensor with_margins(const at::Tensor &image, const ctorch_margins &margins) {
    return at::constant_pad_nd(image, {margins.left, margins.right, margins.top, margins.bottom});
}

Kernel xnnpack_convolution(
    const ctorch_conv2d &options, const at::Tensor &weight, const at::Tensor &bias, std::vector<int64_t> padding) {
    auto prepack = c10::Dispatcher::singleton().findSchemaOrThrow(xnnpack_prepack, "");
    auto run = c10::Dispatcher::singleton().findSchemaOrThrow(xnnpack_run, "");
    c10::IValue low, high;
    if (options.activation != CTORCH_ACTIVATION_NONE) low = 0.0;
    if (options.activation == CTORCH_ACTIVATION_RELU6) high = 6.0;
    torch::jit::Stack stack;
    stack.emplace_back(weight);
    stack.emplace_back(bias.defined() ? c10::IValue(bias) : c10::IValue());
    stack.emplace_back(std::vector<int64_t>{options.stride[0], options.stride[1]});
    stack.emplace_back(std::move(padding));
    stack.emplace_back(std::vector<int64_t>{options.dilation[0], options.dilation[1]});
    stack.emplace_back(options.groups);
    stack.emplace_back(low);
    stack.emplace_back(high);
    prepack.callBoxed(&stack);
    c10::IValue packed = std::move(stack.at(0));
    return [run, packed](Operands &operands) {
        torch::jit::Stack stack;
        stack.reserve(2);
        stack.emplace_back(std::move(operands.inputs[0]));
        stack.emplace_back(packed);
        run.callBoxed(&stack);
        return std::move(stack.at(0)).toTensor();
    };
}

Kernel onednn_convolution(
    const ctorch_conv2d &options, const at::Tensor &weight, const at::Tensor &bias, std::vector<int64_t> padding,
    at::IntArrayRef input_shape) {
    auto reorder = c10::Dispatcher::singleton().findSchemaOrThrow(onednn_reorder, "");
    auto run = c10::Dispatcher::singleton().findSchemaOrThrow(onednn_run, "");
    std::vector<int64_t> stride{options.stride[0], options.stride[1]};
    std::vector<int64_t> dilation{options.dilation[0], options.dilation[1]};
    torch::jit::Stack stack;
    stack.emplace_back(weight);
    stack.emplace_back(padding);
    stack.emplace_back(stride);
    stack.emplace_back(dilation);
    stack.emplace_back(options.groups);
    if (reorder.schema().arguments().size() > 5) stack.emplace_back(input_shape.vec());
    reorder.callBoxed(&stack);
    at::Tensor packed = std::move(stack.at(0)).toTensor();

    std::string attribute = "none";
    c10::impl::GenericList scalars(c10::OptionalType::create(c10::NumberType::get()));
    if (options.activation == CTORCH_ACTIVATION_RELU) attribute = "relu";
    if (options.activation == CTORCH_ACTIVATION_RELU6) {
        attribute = "hardtanh";
        scalars.push_back(at::Scalar(0.0));
        scalars.push_back(at::Scalar(6.0));
    }
    std::vector<c10::IValue> rest{
        c10::IValue(packed), bias.defined() ? c10::IValue(bias) : c10::IValue(), c10::IValue(padding),
        c10::IValue(stride), c10::IValue(dilation), c10::IValue(options.groups), c10::IValue(attribute),
        c10::IValue(scalars), c10::IValue(std::string())};
    return [run, rest](Operands &operands) {
        torch::jit::Stack stack;
        stack.reserve(rest.size() + 1);
        stack.emplace_back(std::move(operands.inputs[0]));
        stack.insert(stack.end(), rest.begin(), rest.end());
        run.callBoxed(&stack);
        return std::move(stack.at(0)).toTensor();
    };
}

Kernel aten_convolution(
    const ctorch_conv2d &options, const at::Tensor &weight, const at::Tensor &bias, std::vector<int64_t> padding) {
    at::Tensor packed = weight.contiguous(at::MemoryFormat::ChannelsLast);
    return [=](Operands &operands) {
        at::Tensor result = at::conv2d(
            operands.inputs[0], packed, bias, at::IntArrayRef(options.stride, 2), padding,
            at::IntArrayRef(options.dilation, 2), options.groups);
        return activate(std::move(result), options.activation);
    };
}

}  // namespace

Backend choose_backend(at::Device device) {
    if (!device.is_cpu()) return Backend::aten;
    if (has_operator(xnnpack_prepack, "") && has_operator(xnnpack_run, "")) return Backend::xnnpack;
    if (has_operator(onednn_reorder, "") && has_operator(onednn_run, "")) return Backend::onednn;
    return Backend::aten;
}

Kernel make_convolution(
    Backend backend, const ctorch_conv2d &options, const at::Tensor &weight, const at::Tensor &bias,
    at::IntArrayRef input_shape) {
    const ctorch_margins &margins = options.margins;
    bool symmetric = margins.top == margins.bottom && margins.left == margins.right;
    std::vector<int64_t> padding{symmetric ? margins.top : 0, symmetric ? margins.left : 0};
    // (batch, channels, height, width) of what the kernel itself is given.
    std::vector<int64_t> shape{
        input_shape[0], input_shape[3], input_shape[1] + (symmetric ? 0 : margins.top + margins.bottom),
        input_shape[2] + (symmetric ? 0 : margins.left + margins.right)};
    Kernel kernel;
    switch (backend) {
    case Backend::xnnpack: kernel = xnnpack_convolution(options, weight, bias, padding); break;
    case Backend::onednn: kernel = onednn_convolution(options, weight, bias, padding, shape); break;
    case Backend::aten: kernel = aten_convolution(options, weight, bias, padding); break;
    }
    if (symmetric) return kernel;
    return [kernel, margins](Operands &operands) {
        operands.inputs[0] = with_margins(operands.inputs[0], margins);
        return kernel(operands);
    };
}

}  // namespace ctorch

ctorch_status ctorch_plan_conv2d(
    ctorch_plan plan, int32_t input, int32_t output, const ctorch_conv2d *options, ctorch_tensor weight,
    ctorch_tensor bias, const int64_t *input_shape) {
    return ctorch::guarded([&] {
        at::Tensor moved = weight->value.to(plan->device, at::kFloat).contiguous();
        at::Tensor moved_bias = bias ? bias->value.to(plan->device, at::kFloat).contiguous() : at::Tensor();
        plan->add(
            "convolution", {input}, output,
            ctorch::make_convolution(plan->backend, *options, moved, moved_bias, {input_shape, 4}));
    });
}
