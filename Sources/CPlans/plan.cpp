#include "plan.h"

#include "kernels.h"

using cplans::guarded;

cplans_plan_s::cplans_plan_s(int32_t value_count, int32_t threads) : threads(threads) {
    if (value_count < 0) throw std::invalid_argument("a plan cannot have a negative number of values");
    constants.resize(static_cast<size_t>(value_count));
}

void cplans_plan_s::require_value(int32_t value) const {
    if (value >= 0 && static_cast<size_t>(value) < constants.size()) return;
    throw std::out_of_range(
        "value " + std::to_string(value) + " is not one of the plan's " + std::to_string(constants.size()));
}

void cplans_plan_s::add(
    const char *name, std::vector<int32_t> inputs, int32_t output, cplans::Kernel kernel,
    std::shared_ptr<const cplans::RowConvolution> rows) {
    if (finished) throw std::logic_error("steps cannot be added to a finished plan");
    for (int32_t value : inputs) require_value(value);
    require_value(output);
    steps.push_back({name, std::move(inputs), output, std::move(kernel), std::move(rows), {}});
}

void cplans_plan_s::finish(std::vector<int32_t> given, std::vector<int32_t> wanted) {
    if (finished) throw std::logic_error("the plan is already finished");
    // Every value must exist before it is used, whatever order the steps were added in by.
    std::vector<bool> known(constants.size());
    for (size_t value = 0; value < constants.size(); ++value) known[value] = constants[value].defined();
    for (int32_t value : given) {
        require_value(value);
        known[static_cast<size_t>(value)] = true;
    }
    for (const auto &step : steps) {
        for (int32_t value : step.inputs) {
            if (known[static_cast<size_t>(value)]) continue;
            throw std::logic_error(
                std::string(step.name) + " reads value " + std::to_string(value) + " before it is computed");
        }
        known[static_cast<size_t>(step.output)] = true;
    }
    // Several threads share the rows of one step at a time instead.
    if (threads == 1) join_convolutions(wanted);
    // From the end: the first use met is the last one made.
    std::vector<bool> needed(constants.size());
    for (int32_t value : wanted) {
        require_value(value);
        if (!known[static_cast<size_t>(value)]) {
            throw std::logic_error("output " + std::to_string(value) + " is never computed");
        }
        needed[static_cast<size_t>(value)] = true;
    }
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
        step->last_use.assign(step->inputs.size(), false);
        for (size_t index = step->inputs.size(); index-- > 0;) {
            auto value = static_cast<size_t>(step->inputs[index]);
            step->last_use[index] = !needed[value] && !constants[value].defined();
            needed[value] = true;
        }
    }
    inputs = std::move(given);
    outputs = std::move(wanted);
    finished = true;
}

void cplans_plan_s::join_convolutions(const std::vector<int32_t> &wanted) {
    constexpr size_t none = SIZE_MAX;
    std::vector<int> uses(constants.size());
    for (int32_t value : wanted) uses[static_cast<size_t>(value)] += 2;
    for (const auto &step : steps) {
        for (int32_t value : step.inputs) ++uses[static_cast<size_t>(value)];
    }
    // By step: the one whose result it takes, and whether another takes its own.
    std::vector<size_t> producer(constants.size(), none), before(steps.size(), none);
    std::vector<bool> goes_on(steps.size());
    for (size_t index = 0; index < steps.size(); ++index) {
        const auto &step = steps[index];
        producer[static_cast<size_t>(step.output)] = index;
        if (!step.rows) continue;
        size_t source = producer[static_cast<size_t>(step.inputs[0])];
        if (source == none || !steps[source].rows || uses[static_cast<size_t>(step.inputs[0])] != 1) continue;
        before[index] = source;
        goes_on[source] = true;
    }
    std::vector<cplans::Step> joined;
    for (size_t index = 0; index < steps.size(); ++index) {
        // What goes on is computed with the last of its line: nobody else asks for it before.
        if (goes_on[index]) continue;
        if (before[index] == none) {
            joined.push_back(std::move(steps[index]));
            continue;
        }
        std::vector<size_t> line;
        for (size_t member = index; member != none; member = before[member]) line.insert(line.begin(), member);
        std::vector<cplans::Convolution> convolutions;
        std::vector<bool> addends;
        std::vector<int32_t> inputs{steps[line[0]].inputs[0]};
        for (size_t member : line) {
            auto &step = steps[member];
            addends.push_back(step.inputs.size() > 1);
            if (addends.back()) inputs.push_back(step.inputs[1]);
            convolutions.push_back({std::move(step.kernel), std::move(step.rows)});
        }
        auto kernel = cplans::stream(std::move(convolutions), std::move(addends));
        joined.push_back({"convolutions", std::move(inputs), steps[index].output, std::move(kernel), nullptr, {}});
    }
    steps = std::move(joined);
}

std::unique_ptr<cplans::RunState> cplans_plan_s::take_state() {
    {
        std::lock_guard<std::mutex> lock(mutex);
        if (!idle.empty()) {
            auto state = std::move(idle.back());
            idle.pop_back();
            return state;
        }
    }
    return std::make_unique<cplans::RunState>(threads);
}

std::vector<cplans::Array> cplans_plan_s::run(const std::vector<cplans::Array> &given) {
    auto state = take_state();
    auto results = run(given, *state);
    std::lock_guard<std::mutex> lock(mutex);
    idle.push_back(std::move(state));
    return results;
}

std::vector<cplans::Array> cplans_plan_s::run(
    const std::vector<cplans::Array> &given, cplans::RunState &state) const {
    if (!finished) throw std::logic_error("the plan is not finished");
    if (given.size() != inputs.size()) {
        throw std::invalid_argument(
            "the plan takes " + std::to_string(inputs.size()) + " inputs, not " + std::to_string(given.size()));
    }
    std::vector<cplans::Array> values = constants;
    for (size_t index = 0; index < given.size(); ++index) values[static_cast<size_t>(inputs[index])] = given[index];
    for (const auto &step : steps) {
        cplans::Operands operands{state.workspace, state.workers, {}};
        operands.inputs.reserve(step.inputs.size());
        for (size_t index = 0; index < step.inputs.size(); ++index) {
            cplans::Array &value = values[static_cast<size_t>(step.inputs[index])];
            operands.inputs.push_back(step.last_use[index] ? std::move(value) : value);
        }
        try {
            values[static_cast<size_t>(step.output)] = step.kernel(operands);
        } catch (const std::exception &error) {
            throw std::runtime_error(
                std::string(step.name) + " of value " + std::to_string(step.output) + ": " + error.what());
        }
        for (size_t index = 0; index < operands.inputs.size(); ++index) {
            if (step.last_use[index]) state.workspace.recycle(std::move(operands.inputs[index]));
        }
    }
    std::vector<cplans::Array> results;
    results.reserve(outputs.size());
    for (int32_t value : outputs) results.push_back(values[static_cast<size_t>(value)]);
    return results;
}

void cplans_crop_picture(const cplans_crop *crop, float *out) { cplans::kernels().crop(*crop, out); }

const char *cplans_kernels(void) { return cplans::kernels().name; }

cplans_status cplans_plan_create(int32_t value_count, int32_t threads, cplans_plan *out) {
    return guarded([&] {
        if (threads < 1 || threads > 1024) throw std::invalid_argument("the number of threads must be 1 to 1024");
        *out = new cplans_plan_s(value_count, threads);
    });
}

void cplans_plan_free(cplans_plan plan) {
    guarded([&] { delete plan; });
}

cplans_status cplans_plan_constant(cplans_plan plan, int32_t value, cplans_array array) {
    return guarded([&] { plan->constants.at(static_cast<size_t>(value)) = array->value; });
}

namespace {

/// The inputs of a step that may add a value to its result.
std::vector<int32_t> with_addend(int32_t input, int32_t addend) {
    return addend >= 0 ? std::vector<int32_t>{input, addend} : std::vector<int32_t>{input};
}

}  // namespace

cplans_status cplans_plan_conv2d(
    cplans_plan plan, int32_t input, int32_t addend, int32_t output, const cplans_conv2d *options, cplans_array weight,
    cplans_array bias) {
    return guarded([&] {
        auto made = cplans::convolution(*options, weight->value, bias ? bias->value : cplans::Array());
        plan->add(
            "convolution", with_addend(input, addend), output, std::move(made.kernel), std::move(made.rows));
    });
}

cplans_status cplans_plan_add(cplans_plan plan, int32_t a, int32_t b, int32_t output, cplans_activation activation) {
    return guarded([&] { plan->add("sum", {a, b}, output, cplans::sum(activation)); });
}

cplans_status cplans_plan_pad(
    cplans_plan plan, int32_t input, int32_t output, cplans_margins margins, int64_t channels_before,
    int64_t channels_after) {
    return guarded([&] {
        plan->add("padding", {input}, output, cplans::padding(margins, channels_before, channels_after));
    });
}

cplans_status cplans_plan_max_pool(
    cplans_plan plan, int32_t input, int32_t output, const int64_t window[2], const int64_t stride[2],
    cplans_margins margins, cplans_activation activation) {
    return guarded([&] {
        plan->add("maximum", {input}, output, cplans::maximum(window[0], window[1], stride, margins, activation));
    });
}

cplans_status cplans_plan_resize_bilinear(
    cplans_plan plan, int32_t input, int32_t addend, int32_t output, const int64_t size[2], int32_t align_corners,
    cplans_activation activation) {
    return guarded([&] {
        auto kernel = cplans::resize(size[0], size[1], align_corners != 0, activation);
        plan->add("resize", with_addend(input, addend), output, std::move(kernel));
    });
}

cplans_status cplans_plan_depth_to_space(cplans_plan plan, int32_t input, int32_t output, int64_t block) {
    return guarded([&] { plan->add("depth to space", {input}, output, cplans::depth_to_space(block)); });
}

cplans_status cplans_plan_reshape(
    cplans_plan plan, int32_t input, int32_t output, const int64_t *shape, int32_t rank) {
    return guarded([&] { plan->add("reshape", {input}, output, cplans::reshape({shape, shape + rank})); });
}

cplans_status cplans_plan_concatenate(
    cplans_plan plan, const int32_t *inputs, int32_t count, int32_t output, int64_t axis) {
    return guarded([&] {
        plan->add("concatenation", {inputs, inputs + count}, output, cplans::concatenation(axis));
    });
}

cplans_status cplans_plan_logistic(cplans_plan plan, int32_t input, int32_t output) {
    return guarded([&] { plan->add("logistic", {input}, output, cplans::logistic()); });
}

cplans_status cplans_plan_finish(
    cplans_plan plan, const int32_t *inputs, int32_t input_count, const int32_t *outputs, int32_t output_count) {
    return guarded([&] {
        plan->finish({inputs, inputs + input_count}, {outputs, outputs + output_count});
    });
}

cplans_status cplans_plan_run(
    cplans_plan plan, const cplans_array *inputs, int32_t input_count, cplans_array *outputs, int32_t output_count) {
    return guarded([&] {
        std::vector<cplans::Array> given;
        for (int32_t index = 0; index < input_count; ++index) given.push_back(inputs[index]->value);
        std::vector<cplans::Array> results = plan->run(given);
        if (results.size() != static_cast<size_t>(output_count)) {
            throw std::invalid_argument(
                "the plan answers with " + std::to_string(results.size()) + " outputs, not "
                + std::to_string(output_count));
        }
        std::vector<std::unique_ptr<cplans_array_s>> handles;
        for (auto &result : results) handles.emplace_back(new cplans_array_s{std::move(result)});
        for (size_t index = 0; index < handles.size(); ++index) outputs[index] = handles[index].release();
    });
}
