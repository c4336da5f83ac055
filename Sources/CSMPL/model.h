// What the parts of this target share. Not visible to Swift.

#ifndef CSMPL_MODEL_H
#define CSMPL_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "include/CSMPL.h"

// A panel is as many columns of the mesh as three vectors hold, whose rows fill three registers for each body that is computed
// at once. 48, 24 or 12 columns are 16, 8 or 4 whole vertices.
#define VECTORS 3

// Panels that are computed before they are skinned: each pushes the bodies' movements out of the first cache, so that
// they are read again for every group.
#define GROUP 8

// A joint's movement: the columns of its turn and its shift, each padded with a 0.
#define MOVEMENT 16

// The most joints whose movements of a vertex are loaded in one go. Published models have no more; of another's, all are read.
#define FEW_JOINTS 4

/// Some bodies of a batch, at most a kernel's `bodies`.
typedef struct {
    int64_t bodies;
    const float *factors;    // (depth, bodies): betas, then turns less the identity
    const float *movements;  // (bodies, joints, MOVEMENT)
    float *out;              // (bodies, vertices, vertex_stride)
    int64_t vertex_stride;
} csmpl_block;

typedef struct {
    const char *name;
    int64_t lanes;   // floats in a vector
    int64_t bodies;  // computed at once
    /// Writes the vertices of a block that lie in some panels, at most GROUP.
    void (*panels)(const csmpl_model *model, int64_t first, int64_t last, const csmpl_block *block);
} csmpl_kernel;

struct csmpl_model {
    const csmpl_kernel *kernel;
    int64_t vertices, joints, betas;
    int64_t depth;         // rows of `directions`: the betas and the numbers of the pose
    int64_t panel_width;   // columns
    int64_t panels;
    float *rest;           // (panels, panel_width)
    float *directions;     // (panels, depth, panel_width)
    float *rest_joints;    // (joints, 3), of the mean shape
    float *joint_shapes;   // (joints, 3, betas)
    int32_t *parents;      // (joints)
    int64_t joints_per_vertex;
    int32_t *skin_joints;  // (vertices, joints_per_vertex): where the joint's movement starts, in floats
    float *skin_weights;   // (vertices, joints_per_vertex), those without a joint 0
};

extern const csmpl_kernel csmpl_baseline;
#if defined(__x86_64__)
extern const csmpl_kernel csmpl_avx2;
extern const csmpl_kernel csmpl_avx512;
#endif

#endif
