// Depth images of triangle meshes and samples of pictures.
//
// A pixel is asked at its centre, its depth is 1 / (the triangle's 1 / z, interpolated), as neural_renderer does
// (Kato et al. 2018, `rasterize_cuda_kernel.cu`; its own image is upside down and turned once more before it is
// given back, which cancels out). Everything is computed in double precision, so that both methods and every device
// find the same triangle in front.
#include "internal.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

using ctorch::guarded;
using ctorch::wrap;

namespace {

struct Camera {
    double focal;
    int64_t size;
    double near, far;
};

/// Vertices as (x, y) in pixels and z, (batch, V, 3) in double precision.
at::Tensor project(const at::Tensor &vertices, const Camera &camera) {
    const at::Tensor points = vertices.to(at::kDouble);
    const at::Tensor depth = points.narrow(2, 2, 1);
    const at::Tensor places = points.narrow(2, 0, 2) * camera.focal / (depth + 1e-9) + camera.size / 2.0;
    return at::cat({places, depth}, 2);
}

// MARK: - Kernel

struct Triangle {
    double x[3], y[3], z[3], area;
    int64_t left, right, top, bottom;  // pixels whose centres are within its bounds; left > right where there are none
};

/// The first and the last pixel of a row or column whose centres are between two places.
void bounds(const double *places, int64_t size, int64_t &first, int64_t &last) {
    const double low = std::min({places[0], places[1], places[2]}), high = std::max({places[0], places[1], places[2]});
    first = static_cast<int64_t>(std::clamp(std::ceil(low - 0.5), 0.0, static_cast<double>(size)));
    last = static_cast<int64_t>(std::clamp(std::floor(high - 0.5), -1.0, static_cast<double>(size - 1)));
}

std::vector<Triangle> triangles(const double *points, const int64_t *faces, int64_t count, int64_t size) {
    std::vector<Triangle> result;
    result.reserve(static_cast<size_t>(count));
    for (int64_t face = 0; face < count; ++face) {
        Triangle t{};
        for (int corner = 0; corner < 3; ++corner) {
            const double *point = points + 3 * faces[3 * face + corner];
            t.x[corner] = point[0];
            t.y[corner] = point[1];
            t.z[corner] = point[2];
        }
        t.area = (t.x[1] - t.x[0]) * (t.y[2] - t.y[0]) - (t.x[2] - t.x[0]) * (t.y[1] - t.y[0]);
        // Seen from its edge, or with a corner that is nowhere.
        if (t.area == 0 || !std::isfinite(t.area)) continue;
        bounds(t.x, size, t.left, t.right);
        bounds(t.y, size, t.top, t.bottom);
        if (t.left <= t.right && t.top <= t.bottom) result.push_back(t);
    }
    return result;
}

/// The depth of a triangle at a point, or `far` where it is not there.
double depth_at(const Triangle &t, double x, double y, const Camera &camera) {
    double weights[3], total = 0, inverse = 0;
    for (int corner = 0; corner < 3; ++corner) {
        const int a = (corner + 1) % 3, b = (corner + 2) % 3;
        weights[corner] = ((t.x[a] - x) * (t.y[b] - y) - (t.x[b] - x) * (t.y[a] - y)) / t.area;
        if (!(weights[corner] >= 0)) return camera.far;
        weights[corner] = std::min(weights[corner], 1.0);
    }
    for (int corner = 0; corner < 3; ++corner) total += weights[corner];
    for (int corner = 0; corner < 3; ++corner) inverse += weights[corner] / total / t.z[corner];
    const double depth = 1 / inverse;
    return depth > camera.near && depth < camera.far ? depth : camera.far;
}

at::Tensor by_kernel(const at::Tensor &projected, const at::Tensor &faces, const Camera &camera) {
    const at::Tensor points = projected.contiguous(), corners = faces.contiguous();
    const int64_t batch = points.size(0), count = corners.size(0), size = camera.size;
    at::Tensor out = at::full({batch, size, size}, camera.far, at::TensorOptions(at::kFloat));
    float *pixels = out.data_ptr<float>();
    // A mesh takes a millisecond: threads pay where there are several, and then have a picture each.
    at::parallel_for(0, batch, 1, [&](int64_t first, int64_t last) {
        for (int64_t image = first; image < last; ++image) {
            const auto mesh = triangles(
                points.data_ptr<double>() + image * points.size(1) * 3, corners.data_ptr<int64_t>(), count, size);
            for (const Triangle &t : mesh) {
                for (int64_t row = t.top; row <= t.bottom; ++row) {
                    float *line = pixels + (image * size + row) * size;
                    for (int64_t column = t.left; column <= t.right; ++column) {
                        const double depth = depth_at(
                            t, static_cast<double>(column) + 0.5, static_cast<double>(row) + 0.5, camera);
                        line[column] = std::min(line[column], static_cast<float>(depth));
                    }
                }
            }
        }
    });
    return out;
}

// MARK: - Tensors

/// The same with whole tensors: every pixel within a triangle's bounds is one candidate, and the nearest of a pixel's
/// candidates wins. Candidates are computed so many at a time that they need some 200 MB.
at::Tensor by_tensors(const at::Tensor &projected, const at::Tensor &faces, const Camera &camera) {
    constexpr int64_t most = 1 << 20;
    const int64_t batch = projected.size(0), count = faces.size(0), size = camera.size;
    const at::Tensor corners = projected.index_select(1, faces.reshape({-1})).reshape({batch * count, 3, 3});
    const at::Tensor x = corners.select(2, 0), y = corners.select(2, 1), z = corners.select(2, 2);
    const auto corner = [](const at::Tensor &values, int64_t index) { return values.select(1, index); };
    const at::Tensor area = (corner(x, 1) - corner(x, 0)) * (corner(y, 2) - corner(y, 0))
        - (corner(x, 2) - corner(x, 0)) * (corner(y, 1) - corner(y, 0));
    const at::Tensor usable = at::isfinite(area).logical_and(area.ne(0));
    const auto first_of = [&](const at::Tensor &places) {
        const at::Tensor found = (places.amin({1}) - 0.5).ceil().clamp(0, size);
        return at::where(usable, found, at::full_like(found, size)).to(at::kLong);
    };
    const auto last_of = [&](const at::Tensor &places) {
        const at::Tensor found = (places.amax({1}) - 0.5).floor().clamp(-1, size - 1);
        return at::where(usable, found, at::full_like(found, -1)).to(at::kLong);
    };
    const at::Tensor left = first_of(x), top = first_of(y);
    const at::Tensor width = (last_of(x) - left + 1).clamp_min(0), height = (last_of(y) - top + 1).clamp_min(0);
    const at::Tensor counts = width * height, ends = counts.cumsum(0), starts = ends - counts;
    const int64_t total = batch * count == 0 ? 0 : ends.select(0, -1).item<int64_t>();

    at::Tensor depth = at::full({batch * size * size}, camera.far, projected.options());
    for (int64_t first = 0; first < total; first += most) {
        const at::Tensor candidates = at::arange(first, std::min(total, first + most), faces.options());
        const at::Tensor triangle = at::searchsorted(ends, candidates, /*out_int32=*/false, /*right=*/true);
        const auto of = [&](const at::Tensor &values) { return values.index_select(0, triangle); };
        const at::Tensor place = candidates - of(starts), across = of(width);
        const at::Tensor column = of(left) + at::remainder(place, across);
        const at::Tensor row = of(top) + at::div(place, across, "floor");
        const at::Tensor px = (column.to(at::kDouble) + 0.5).unsqueeze(1), py = (row.to(at::kDouble) + 0.5).unsqueeze(1);
        const at::Tensor dx = of(x) - px, dy = of(y) - py;
        const auto product = [&](int64_t a, int64_t b) {
            return (corner(dx, a) * corner(dy, b) - corner(dx, b) * corner(dy, a)) / of(area);
        };
        const at::Tensor weights = at::stack({product(1, 2), product(2, 0), product(0, 1)}, 1);
        const at::Tensor inside = weights.ge(0).all(1);
        const at::Tensor shares = weights.clamp(0, 1);
        const at::Tensor inverse = (shares / shares.sum(1, /*keepdim=*/true) / of(z)).sum(1);
        const at::Tensor found = inverse.reciprocal();
        const at::Tensor seen = inside.logical_and(found.gt(camera.near)).logical_and(found.lt(camera.far));
        const at::Tensor image = at::div(triangle, count, "floor");
        depth = at::scatter_reduce(
            depth, 0, (image * size + row) * size + column, at::where(seen, found, at::full_like(found, camera.far)),
            "amin");
    }
    return depth.to(at::kFloat).reshape({batch, size, size});
}

}  // namespace

ctorch_status ctorch_depth_images(
    ctorch_tensor vertices, ctorch_tensor faces, double focal, int64_t size, double near, double far,
    ctorch_raster_method method, ctorch_tensor *out) {
    return guarded([&] {
        const at::Tensor &points = vertices->value, &corners = faces->value;
        if (points.dim() != 3 || points.size(2) != 3) throw std::invalid_argument("the vertices are not (batch, V, 3)");
        if (corners.dim() != 2 || corners.size(1) != 3 || corners.scalar_type() != at::kLong) {
            throw std::invalid_argument("the faces are not (F, 3) 64-bit integers");
        }
        if (size < 1 || size > 8192) throw std::invalid_argument("a picture has 1 to 8192 pixels a side");
        if (corners.numel() > 0
            && (corners.min().item<int64_t>() < 0 || corners.max().item<int64_t>() >= points.size(1))) {
            throw std::invalid_argument("a face names a vertex that is not there");
        }
        if (corners.device() != points.device()) throw std::invalid_argument("vertices and faces are on two devices");
        const Camera camera{focal, size, near, far};
        const at::Tensor projected = project(points, camera);
        const bool kernel = method == CTORCH_RASTER_AUTOMATIC ? points.is_cpu() : method == CTORCH_RASTER_KERNEL;
        if (kernel && !points.is_cpu()) throw std::invalid_argument("the kernel computes on a CPU only");
        *out = wrap(kernel ? by_kernel(projected, corners, camera) : by_tensors(projected, corners, camera));
    });
}

ctorch_status ctorch_sample_bilinear(ctorch_tensor pictures, ctorch_tensor places, ctorch_tensor *out) {
    return guarded([&] {
        const at::Tensor &grid = places->value;
        if (grid.dim() != 3 || grid.size(2) != 2) throw std::invalid_argument("the places are not (batch, count, 2)");
        // Modes 0 and 0: bilinear, and zeros beyond the edges.
        *out = wrap(at::grid_sampler(
                        pictures->value, grid.unsqueeze(1), /*interpolation_mode=*/0, /*padding_mode=*/0,
                        /*align_corners=*/false)
                        .squeeze(2));
    });
}
