// A plan: steps over numbered values. Not visible to Swift.
//
// Inside a plan an image is a tensor whose logical order is (batch, channels, height, width), as ATen's operators want
// it, and whose memory order is (batch, height, width, channels): ATen's channels-last. Values of another rank lie in
// row-major order.
#pragma once

#include "internal.h"
#include "workers.h"

#include <functional>
#include <memory>
#include <vector>

namespace ctorch {

/// The memory of values that are not needed any more, kept for those that come.
class Workspace {
  public:
    /// A tensor without initialised elements: an image of logical shape (batch, channels, height, width) with channels
    /// last in memory.
    at::Tensor image(int64_t batch, int64_t channels, int64_t height, int64_t width);
    /// Takes a tensor's memory where nothing else refers to it.
    void recycle(at::Tensor tensor);

  private:
    std::vector<c10::Storage> free;
};

/// What a step sees while it runs.
struct Operands {
    Workspace &workspace;
    Workers &workers;
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

/// Whose kernels convolutions run on: this library's own, or ATen's.
enum class KernelSet { native, aten };

/// NHWC elements as ATen's logical order; other ranks as they are.
inline at::Tensor to_channels_first(const at::Tensor &tensor) {
    return tensor.dim() == 4 ? tensor.permute({0, 3, 1, 2}) : tensor;
}

/// The inverse of to_channels_first.
inline at::Tensor to_channels_last(const at::Tensor &tensor) {
    return tensor.dim() == 4 ? tensor.permute({0, 2, 3, 1}) : tensor;
}

/// A convolution with everything that can be prepared ahead of time prepared. A second input, where there is one, is
/// added before the activation.
Kernel aten_convolution(const ctorch_conv2d &options, const at::Tensor &weight, const at::Tensor &bias);

/// The same on this library's own kernels; empty where they do not cover the options.
Kernel native_convolution(const ctorch_conv2d &options, const at::Tensor &weight, const at::Tensor &bias);
Kernel native_resize(std::vector<int64_t> size, bool align_corners, ctorch_activation activation);
Kernel native_sum(ctorch_activation activation);
Kernel native_depth_to_space(int64_t block);

at::Tensor activate(at::Tensor tensor, ctorch_activation activation);

}  // namespace ctorch

struct ctorch_plan_s {
    at::Device device;
    ctorch::KernelSet kernels;
    std::vector<at::Tensor> constants;  // by value number, undefined where a value is computed
    std::vector<ctorch::Step> steps;
    std::vector<int32_t> inputs;
    std::vector<int32_t> outputs;
    bool finished = false;

    ctorch_plan_s(int32_t value_count, at::Device device, int32_t threads);
    void add(const char *name, std::vector<int32_t> inputs, int32_t output, ctorch::Kernel kernel);
    void finish(std::vector<int32_t> inputs, std::vector<int32_t> outputs);
    std::vector<at::Tensor> run(const std::vector<at::Tensor> &given);

  private:
    ctorch::Workspace workspace;
    ctorch::Workers workers;
    void require_value(int32_t value) const;
};
