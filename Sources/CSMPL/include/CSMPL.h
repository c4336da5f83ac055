// The SMPL body model on the CPU: bodies of 32-bit numbers, on one thread, without any library.
//
// Source: Loper et al. 2015, equations 2–10, in the order of smplx `lbs.py`. Metres, the body's own frame.

#ifndef CSMPL_H
#define CSMPL_H

#include <stdint.h>

/// A model's numbers as published, all row-major.
typedef struct {
    int32_t vertices;
    int32_t joints;
    int32_t betas;
    const float *rest;              // (vertices, 3): the mean shape at rest
    const float *shape_directions;  // (vertices, 3, betas)
    const float *pose_directions;   // (vertices, 3, 9 (joints - 1))
    const float *joint_regressor;   // (joints, vertices)
    const float *weights;           // (vertices, joints)
    const int32_t *parents;         // (joints): each joint's, before it in the list; the first has none
} csmpl_numbers;

/// A model made ready. It never changes: any number of threads may use it.
typedef struct csmpl_model csmpl_model;

/// How many kernels this machine can run, one an instruction set; 0 is the best of them.
int32_t csmpl_kernel_count(void);

/// A kernel's name: "avx512", "avx2" or "baseline". The library owns the string.
const char *csmpl_kernel_name(int32_t kernel);

/// Makes a model ready for one of the kernels; `numbers` stays the caller's and is not needed afterwards. The caller owns the
/// result and frees it with csmpl_free. NULL where there is not enough memory.
csmpl_model *csmpl_create(const csmpl_numbers *numbers, int32_t kernel);

/// Frees a model. NULL is allowed.
void csmpl_free(csmpl_model *model);

/// The joints of a shape at rest: `betas` numbers in, (joints, 3) out.
void csmpl_rest_joints(const csmpl_model *model, const float *betas, float *joints);

/// Poses `batch` bodies.
///
/// `betas` is (batch, betas) and `rotations` (batch, joints, 3, 3), each joint's turn against its parent. Written are the mesh, (batch,
/// vertices, 3) with `vertex_stride` floats, 3 or 4, from one vertex to the next (the fourth becomes 0), and the joints,
/// (batch, joints, 3). Without `vertices` (NULL) only the joints are computed, a thousandth of the work.
void csmpl_pose(
    const csmpl_model *model, int64_t batch, const float *betas, const float *rotations, float *vertices,
    int64_t vertex_stride, float *joints);

#endif
