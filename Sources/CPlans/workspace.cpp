#include "plan.h"

namespace cplans {

Array Workspace::array(Shape shape) {
    auto count = static_cast<size_t>(count_of(shape));
    // The smallest that is large enough.
    auto best = free.end();
    for (auto candidate = free.begin(); candidate != free.end(); ++candidate) {
        if (candidate->count() < count) continue;
        if (best == free.end() || candidate->count() < best->count()) best = candidate;
    }
    if (best == free.end()) return {Floats(count, Floats::uninitialised), std::move(shape)};
    Floats floats = std::move(*best);
    free.erase(best);
    return {std::move(floats), std::move(shape)};
}

void Workspace::recycle(Array array) {
    if (array.defined() && !array.floats.is_shared()) free.push_back(std::move(array.floats));
}

}  // namespace cplans
