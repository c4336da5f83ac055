#include "model.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/// The kernels of this machine, the best first.
static int32_t find_kernels(const csmpl_kernel *found[3]) {
    int32_t count = 0;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
            && __builtin_cpu_supports("avx512vl")) {
            found[count++] = &csmpl_avx512;
        }
        found[count++] = &csmpl_avx2;
    }
#endif
    found[count++] = &csmpl_baseline;
    return count;
}

int32_t csmpl_kernel_count(void) {
    const csmpl_kernel *kernels[3];
    return find_kernels(kernels);
}

const char *csmpl_kernel_name(int32_t kernel) {
    const csmpl_kernel *kernels[3];
    find_kernels(kernels);
    return kernels[kernel]->name;
}

/// Zeroed memory that starts where a cache line does.
static void *zeroed(int64_t count, size_t size) {
    const size_t bytes = ((size_t)count * size + 63) / 64 * 64;
    void *memory = aligned_alloc(64, bytes > 0 ? bytes : 64);
    return memory == NULL ? NULL : memset(memory, 0, bytes);
}

/// The mesh's columns in panels, each with all its rows.
static void pack(csmpl_model *model, const csmpl_numbers *numbers) {
    const int64_t width = model->panel_width;
    const int64_t betas = model->betas;
    const int64_t bends = model->depth - betas;
    for (int64_t column = 0; column < 3 * model->vertices; column++) {
        model->rest[column] = numbers->rest[column];
        float *out = model->directions + column / width * model->depth * width + column % width;
        for (int64_t row = 0; row < betas; row++) {
            out[row * width] = numbers->shape_directions[column * betas + row];
        }
        for (int64_t row = 0; row < bends; row++) {
            out[(betas + row) * width] = numbers->pose_directions[column * bends + row];
        }
    }
}

/// Joints are means of vertices and vertices linear in the betas, so that joints need not see the mesh again.
static void regress(csmpl_model *model, const csmpl_numbers *numbers) {
    for (int64_t i = 0; i < 3 * model->joints; i++) {
        const float *row = numbers->joint_regressor + i / 3 * model->vertices;
        for (int64_t beta = -1; beta < model->betas; beta++) {
            double sum = 0;
            for (int64_t vertex = 0; vertex < model->vertices; vertex++) {
                const int64_t column = 3 * vertex + i % 3;
                if (row[vertex] != 0) {
                    sum += (double)row[vertex]
                           * (beta < 0 ? numbers->rest[column] : numbers->shape_directions[column * model->betas + beta]);
                }
            }
            if (beta < 0) {
                model->rest_joints[i] = (float)sum;
            } else {
                model->joint_shapes[i * model->betas + beta] = (float)sum;
            }
        }
    }
}

static int64_t most_joints(const csmpl_numbers *numbers) {
    int64_t most = 0;
    for (int64_t vertex = 0; vertex < numbers->vertices; vertex++) {
        int64_t count = 0;
        for (int64_t joint = 0; joint < numbers->joints; joint++) {
            count += numbers->weights[vertex * numbers->joints + joint] != 0;
        }
        most = count > most ? count : most;
    }
    return most;
}

/// Only the joints that move a vertex.
static void pick_joints(csmpl_model *model, const csmpl_numbers *numbers) {
    for (int64_t vertex = 0; vertex < model->vertices; vertex++) {
        int64_t entry = vertex * model->joints_per_vertex;
        for (int64_t joint = 0; joint < model->joints; joint++) {
            const float weight = numbers->weights[vertex * model->joints + joint];
            if (weight != 0) {
                model->skin_joints[entry] = (int32_t)(joint * MOVEMENT);
                model->skin_weights[entry++] = weight;
            }
        }
    }
}

csmpl_model *csmpl_create(const csmpl_numbers *numbers, int32_t kernel) {
    const csmpl_kernel *kernels[3];
    find_kernels(kernels);
    csmpl_model *model = calloc(1, sizeof *model);
    if (model == NULL) {
        return NULL;
    }
    const int64_t columns = 3 * (int64_t)numbers->vertices;
    const int64_t most = most_joints(numbers);
    model->kernel = kernels[kernel];
    model->vertices = numbers->vertices;
    model->joints = numbers->joints;
    model->betas = numbers->betas;
    model->depth = model->betas + 9 * (model->joints - 1);
    model->panel_width = VECTORS * model->kernel->lanes;
    model->panels = (columns + model->panel_width - 1) / model->panel_width;
    model->joints_per_vertex = most < FEW_JOINTS ? FEW_JOINTS : most;
    const int64_t entries = model->vertices * model->joints_per_vertex;
    model->rest = zeroed(model->panels * model->panel_width, sizeof(float));
    model->directions = zeroed(model->panels * model->panel_width * model->depth, sizeof(float));
    model->rest_joints = zeroed(3 * model->joints, sizeof(float));
    model->joint_shapes = zeroed(3 * model->joints * model->betas, sizeof(float));
    model->parents = zeroed(model->joints, sizeof(int32_t));
    model->skin_joints = zeroed(entries, sizeof(int32_t));
    model->skin_weights = zeroed(entries, sizeof(float));
    const bool complete = model->rest && model->directions && model->rest_joints && model->joint_shapes && model->parents
                          && model->skin_joints && model->skin_weights;
    if (!complete) {
        csmpl_free(model);
        return NULL;
    }
    memcpy(model->parents, numbers->parents, (size_t)model->joints * sizeof(int32_t));
    pack(model, numbers);
    regress(model, numbers);
    pick_joints(model, numbers);
    return model;
}

void csmpl_free(csmpl_model *model) {
    if (model == NULL) {
        return;
    }
    free(model->rest);
    free(model->directions);
    free(model->rest_joints);
    free(model->joint_shapes);
    free(model->parents);
    free(model->skin_joints);
    free(model->skin_weights);
    free(model);
}
