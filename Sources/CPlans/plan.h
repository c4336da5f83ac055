// A plan: steps over numbered values. Not visible to Swift.
#pragma once

#include "array.h"
#include "workers.h"

#include <functional>
#include <mutex>

namespace cplans {

using workers::Workers;

/// The memory of values that are not needed any more, kept for those that come.
class Workspace {
  public:
    /// An array without initialised elements.
    Array array(Shape shape);
    /// Takes an array's memory where nothing else refers to it.
    void recycle(Array array);

  private:
    std::vector<Floats> free;
};

/// What one run works with, so that several threads can run one plan at once.
struct RunState {
    Workspace workspace;
    Workers workers;
    explicit RunState(int32_t threads) : workers(threads) {}
};

/// What a step sees while it runs.
struct Operands {
    Workspace &workspace;
    Workers &workers;
    std::vector<Array> inputs;
};

using Kernel = std::function<Array(Operands &)>;

class RowConvolution;

/// What a convolution can be computed with: as a whole, and, where it can be, row by row.
struct Convolution {
    Kernel kernel;
    std::shared_ptr<const RowConvolution> rows;
};

struct Step {
    const char *name;
    std::vector<int32_t> inputs;
    int32_t output;
    Kernel kernel;
    std::shared_ptr<const RowConvolution> rows;
    /// Of each input, whether it is used here for the last time.
    std::vector<bool> last_use;
};

/// A convolution with everything that can be prepared ahead of time prepared. A second input, where there is one, is
/// added before the activation.
Convolution convolution(const cplans_conv2d &options, const Array &weight, const Array &bias);
/// Convolutions of which each takes the result of the one before it, and which nothing else takes. `addends` says which
/// have a value to add; the inputs are the first one's image and then those values.
Kernel stream(std::vector<Convolution> convolutions, std::vector<bool> addends);
Kernel resize(int64_t height, int64_t width, bool align_corners, cplans_activation activation);
Kernel sum(cplans_activation activation);
Kernel padding(cplans_margins margins, int64_t channels_before, int64_t channels_after);
Kernel maximum(
    int64_t window_height, int64_t window_width, const int64_t stride[2], cplans_margins margins,
    cplans_activation activation);
Kernel depth_to_space(int64_t block);
Kernel reshape(Shape rest);
Kernel concatenation(int64_t axis);
Kernel logistic();

}  // namespace cplans

struct cplans_plan_s {
    std::vector<cplans::Array> constants;  // by value number, undefined where a value is computed
    std::vector<cplans::Step> steps;
    std::vector<int32_t> inputs;
    std::vector<int32_t> outputs;
    bool finished = false;

    cplans_plan_s(int32_t value_count, int32_t threads);
    void add(
        const char *name, std::vector<int32_t> inputs, int32_t output, cplans::Kernel kernel,
        std::shared_ptr<const cplans::RowConvolution> rows = nullptr);
    void finish(std::vector<int32_t> inputs, std::vector<int32_t> outputs);
    std::vector<cplans::Array> run(const std::vector<cplans::Array> &given);

  private:
    int32_t threads;  // of one run
    std::mutex mutex;
    std::vector<std::unique_ptr<cplans::RunState>> idle;  // guarded by the mutex

    std::unique_ptr<cplans::RunState> take_state();
    std::vector<cplans::Array> run(const std::vector<cplans::Array> &given, cplans::RunState &state) const;
    void require_value(int32_t value) const;
    /// Makes one step of convolutions that follow on one another.
    void join_convolutions(const std::vector<int32_t> &wanted);
};
