// A plan: steps over numbered values. Not visible to Swift.
//
// Inside a plan an image is a tensor whose logical order is (batch, channels, height, width), as ATen's operators want
// it, and whose memory order is (batch, height, width, channels): ATen's channels-last. Values of another rank lie in
// row-major order.
#pragma once

#include "internal.h"

#include <functional>
#include <memory>
#include <vector>

namespace ctorch {

/// What a step sees while it runs.
struct Operands {
    /// The step's inputs. Those whose last use this is are moved here, so that a step may work in place on them.
    std::vector<at::Tensor> inputs;
    /// Whether the step holds the only reference to an input's elements.
    bool exclusive(size_t index) const {
        const at::Tensor &tensor = inputs[index];
        return last_use[index] && tensor.use_count() == 1 && tensor.storage().use_count() == 1;
    }
    std::vector<bool> last_use;
};

using Kernel = std::function<at::Tensor(Operands &)>;

struct Step {
    const char *name;
    std::vector<int32_t> inputs;
    int32_t output;
    Kernel kernel;
    std::vector<bool> last_use;
};

enum class Backend { xnnpack, onednn, aten };

/// NHWC elements as ATen's logical order; other ranks as they are.
inline at::Tensor to_channels_first(const at::Tensor &tensor) {
    return tensor.dim() == 4 ? tensor.permute({0, 3, 1, 2}) : tensor;
}

/// The inverse of to_channels_first.
inline at::Tensor to_channels_last(const at::Tensor &tensor) {
    return tensor.dim() == 4 ? tensor.permute({0, 2, 3, 1}) : tensor;
}

/// Which kernels convolutions on a device run on with this libtorch.
Backend choose_backend(at::Device device);

/// A convolution with everything that can be prepared ahead of time prepared.
Kernel make_convolution(
    Backend backend, const ctorch_conv2d &options, const at::Tensor &weight, const at::Tensor &bias,
    at::IntArrayRef input_shape);

at::Tensor activate(at::Tensor tensor, ctorch_activation activation);

}  // namespace ctorch

struct ctorch_plan_s {
    at::Device device;
    int32_t threads;
    ctorch::Backend backend;
    std::vector<at::Tensor> constants;  // by value number, undefined where a value is computed
    std::vector<ctorch::Step> steps;
    std::vector<int32_t> inputs;
    std::vector<int32_t> outputs;
    bool finished = false;

    ctorch_plan_s(int32_t value_count, at::Device device, int32_t threads);
    void add(const char *name, std::vector<int32_t> inputs, int32_t output, ctorch::Kernel kernel);
    void finish(std::vector<int32_t> inputs, std::vector<int32_t> outputs);
    std::vector<at::Tensor> run(const std::vector<at::Tensor> &given) const;

  private:
    void require_value(int32_t value) const;
};
