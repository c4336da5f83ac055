#include "plan.h"

#include "native.h"

#include <ATen/Parallel.h>

using ctorch::guarded;

ctorch_plan_s::ctorch_plan_s(int32_t value_count, at::Device device, int32_t threads)
    : device(device), kernels(device.is_cpu() ? ctorch::KernelSet::native : ctorch::KernelSet::aten), workers(threads) {
    if (value_count < 0) throw std::invalid_argument("a plan cannot have a negative number of values");
    constants.resize(static_cast<size_t>(value_count));
}

void ctorch_plan_s::require_value(int32_t value) const {
    if (value >= 0 && static_cast<size_t>(value) < constants.size()) return;
    throw std::out_of_range(
        "value " + std::to_string(value) + " is not one of the plan's " + std::to_string(constants.size()));
}

void ctorch_plan_s::add(const char *name, std::vector<int32_t> inputs, int32_t output, ctorch::Kernel kernel) {
    if (finished) throw std::logic_error("steps cannot be added to a finished plan");
    for (int32_t value : inputs) require_value(value);
    require_value(output);
    steps.push_back({name, std::move(inputs), output, std::move(kernel), {}});
}

void ctorch_plan_s::finish(std::vector<int32_t> given, std::vector<int32_t> wanted) {
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

std::vector<at::Tensor> ctorch_plan_s::run(const std::vector<at::Tensor> &given) {
    if (!finished) throw std::logic_error("the plan is not finished");
    if (given.size() != inputs.size()) {
        throw std::invalid_argument(
            "the plan takes " + std::to_string(inputs.size()) + " inputs, not " + std::to_string(given.size()));
    }
    std::vector<at::Tensor> values = constants;
    for (size_t index = 0; index < given.size(); ++index) {
        values[static_cast<size_t>(inputs[index])] =
            ctorch::to_channels_first(given[index].to(device, at::kFloat).contiguous());
    }
    for (const auto &step : steps) {
        ctorch::Operands operands{workspace, workers, {}, step.last_use};
        operands.inputs.reserve(step.inputs.size());
        for (size_t index = 0; index < step.inputs.size(); ++index) {
            at::Tensor &value = values[static_cast<size_t>(step.inputs[index])];
            operands.inputs.push_back(step.last_use[index] ? std::move(value) : value);
        }
        try {
            values[static_cast<size_t>(step.output)] = step.kernel(operands);
        } catch (const c10::Error &error) {
            throw std::runtime_error(
                std::string(step.name) + " of value " + std::to_string(step.output) + ": "
                + error.what_without_backtrace());
        }
        for (size_t index = 0; index < operands.inputs.size(); ++index) {
            if (step.last_use[index]) workspace.recycle(std::move(operands.inputs[index]));
        }
    }
    std::vector<at::Tensor> results;
    results.reserve(outputs.size());
    for (int32_t value : outputs) {
        results.push_back(ctorch::to_channels_last(values[static_cast<size_t>(value)]).contiguous());
    }
    return results;
}

ctorch_status ctorch_plan_create(int32_t value_count, ctorch_device device, int32_t threads, ctorch_plan *out) {
    return guarded([&] {
        if (threads < 1 || threads > 1024) throw std::invalid_argument("the number of threads must be 1 to 1024");
        *out = new ctorch_plan_s(value_count, ctorch::device(device), threads);
    });
}

void ctorch_plan_free(ctorch_plan plan) {
    guarded([&] { delete plan; });
}

const char *ctorch_plan_kernels(ctorch_plan plan) {
    return plan->kernels == ctorch::KernelSet::native ? ctorch::native::kernels().name : "aten";
}

ctorch_status ctorch_plan_constant(ctorch_plan plan, int32_t value, ctorch_tensor tensor) {
    return guarded([&] {
        at::Tensor moved = tensor->value.to(plan->device).contiguous();
        plan->constants.at(static_cast<size_t>(value)) = ctorch::to_channels_first(moved);
    });
}

ctorch_status ctorch_plan_finish(
    ctorch_plan plan, const int32_t *inputs, int32_t input_count, const int32_t *outputs, int32_t output_count) {
    return guarded([&] {
        plan->finish({inputs, inputs + input_count}, {outputs, outputs + output_count});
    });
}

ctorch_status ctorch_plan_run(
    ctorch_plan plan, const ctorch_tensor *inputs, int32_t input_count, ctorch_tensor *outputs, int32_t output_count) {
    return guarded([&] {
        std::vector<at::Tensor> given;
        for (int32_t index = 0; index < input_count; ++index) given.push_back(inputs[index]->value);
        std::vector<at::Tensor> results = plan->run(given);
        if (results.size() != static_cast<size_t>(output_count)) {
            throw std::invalid_argument(
                "the plan answers with " + std::to_string(results.size()) + " outputs, not "
                + std::to_string(output_count));
        }
        std::vector<std::unique_ptr<ctorch_tensor_s>> handles;
        for (auto &result : results) handles.emplace_back(new ctorch_tensor_s{std::move(result)});
        for (size_t index = 0; index < handles.size(); ++index) outputs[index] = handles[index].release();
    });
}
