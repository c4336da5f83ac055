#include <stdlib.h>
#include <string.h>

#include "model.h"

// The most bodies whose factors and movements are kept ready: as many as stay in the second cache beside a panel.
#define READY 64

/// Where a joint is and how it is turned, in the body's frame.
typedef struct {
    float turn[9];  // row-major
    float place[3];
} joint_state;

static void times(const float *turn, const float *point, float *out) {
    for (int row = 0; row < 3; row++) {
        out[row] = turn[3 * row] * point[0] + turn[3 * row + 1] * point[1] + turn[3 * row + 2] * point[2];
    }
}

/// From the pelvis outwards: each joint turns with its parent and hangs on it by a bone of the rest pose.
static void hang(const csmpl_model *model, int64_t joint, const float *rest, const float *rotations, joint_state *states) {
    joint_state *own = &states[joint];
    const float *rotation = rotations + 9 * joint;
    if (joint == 0) {
        memcpy(own->turn, rotation, sizeof own->turn);
        memcpy(own->place, rest, sizeof own->place);
        return;
    }
    const int64_t parent = model->parents[joint];
    const float *turn = states[parent].turn;
    float bone[3];
    for (int axis = 0; axis < 3; axis++) {
        bone[axis] = rest[3 * joint + axis] - rest[3 * parent + axis];
        for (int row = 0; row < 3; row++) {
            own->turn[3 * row + axis] =
                turn[3 * row] * rotation[axis] + turn[3 * row + 1] * rotation[3 + axis] + turn[3 * row + 2] * rotation[6 + axis];
        }
    }
    times(turn, bone, own->place);
    for (int axis = 0; axis < 3; axis++) {
        own->place[axis] += states[parent].place[axis];
    }
}

/// The movement of what hangs on a joint: what its turn does to its own rest place is taken off.
static void write_movement(const joint_state *state, const float *rest, float *movement) {
    float turned[3];
    times(state->turn, rest, turned);
    for (int axis = 0; axis < 3; axis++) {
        for (int column = 0; column < 3; column++) {
            movement[4 * column + axis] = state->turn[3 * axis + column];
        }
        movement[12 + axis] = state->place[axis] - turned[axis];
    }
    movement[3] = movement[7] = movement[11] = movement[15] = 0;
}

void csmpl_rest_joints(const csmpl_model *model, const float *betas, float *joints) {
    for (int64_t i = 0; i < 3 * model->joints; i++) {
        float sum = model->rest_joints[i];
        for (int64_t beta = 0; beta < model->betas; beta++) {
            sum += betas[beta] * model->joint_shapes[i * model->betas + beta];
        }
        joints[i] = sum;
    }
}

/// The joints of one body, and their movements unless `movements` is NULL.
static void move_joints(
    const csmpl_model *model, const float *betas, const float *rotations, float *joints, float *movements) {
    float rest[3 * model->joints];
    joint_state states[model->joints];
    csmpl_rest_joints(model, betas, rest);
    for (int64_t joint = 0; joint < model->joints; joint++) {
        hang(model, joint, rest, rotations, states);
        memcpy(joints + 3 * joint, states[joint].place, sizeof states[joint].place);
        if (movements != NULL) {
            write_movement(&states[joint], rest + 3 * joint, movements + MOVEMENT * joint);
        }
    }
}

/// What each row of the directions counts in the bodies of a block, (depth, bodies).
static void write_factors(
    const csmpl_model *model, int64_t bodies, const float *betas, const float *rotations, float *factors) {
    for (int64_t body = 0; body < bodies; body++) {
        for (int64_t beta = 0; beta < model->betas; beta++) {
            factors[beta * bodies + body] = betas[body * model->betas + beta];
        }
        // The root's turn corrects nothing.
        const float *turns = rotations + 9 * (body * model->joints + 1);
        float *rest = factors + model->betas * bodies;
        for (int64_t i = 0; i < 9 * (model->joints - 1); i++) {
            rest[i * bodies + body] = turns[i] - (i % 9 % 4 == 0 ? 1 : 0);
        }
    }
}

/// At most READY bodies.
static void pose_some(
    const csmpl_model *model, int64_t batch, const float *betas, const float *rotations, float *vertices,
    int64_t vertex_stride, float *joints, float *factors, float *movements) {
    const csmpl_kernel *kernel = model->kernel;
    csmpl_block blocks[READY];
    int64_t count = 0;
    for (int64_t first = 0; first < batch; first += kernel->bodies) {
        const int64_t bodies = batch - first < kernel->bodies ? batch - first : kernel->bodies;
        blocks[count++] = (csmpl_block){
            .bodies = bodies,
            .factors = factors + first * model->depth,
            .movements = movements + first * model->joints * MOVEMENT,
            .out = vertices + first * model->vertices * vertex_stride,
            .vertex_stride = vertex_stride,
        };
        write_factors(
            model, bodies, betas + first * model->betas, rotations + first * model->joints * 9, factors + first * model->depth);
    }
    for (int64_t body = 0; body < batch; body++) {
        move_joints(
            model, betas + body * model->betas, rotations + body * model->joints * 9, joints + body * model->joints * 3,
            movements + body * model->joints * MOVEMENT);
    }
    // A group of panels stays in the second cache while all bodies pass it; the model is read once.
    for (int64_t first = 0; first < model->panels; first += GROUP) {
        const int64_t last = first + GROUP < model->panels ? first + GROUP : model->panels;
        for (int64_t block = 0; block < count; block++) {
            kernel->panels(model, first, last, &blocks[block]);
        }
    }
}

void csmpl_pose(
    const csmpl_model *model, int64_t batch, const float *betas, const float *rotations, float *vertices,
    int64_t vertex_stride, float *joints) {
    if (vertices == NULL) {
        for (int64_t body = 0; body < batch; body++) {
            move_joints(
                model, betas + body * model->betas, rotations + body * model->joints * 9,
                joints + body * model->joints * 3, NULL);
        }
        return;
    }
    const int64_t ready = batch < READY ? batch : READY;
    const size_t movements = (size_t)(ready * model->joints * MOVEMENT);
    const size_t bytes = (movements + (size_t)(ready * model->depth)) * sizeof(float);
    float *room = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (room == NULL) {
        abort();  // As Swift's own arrays do.
    }
    for (int64_t first = 0; first < batch; first += READY) {
        pose_some(
            model, batch - first < READY ? batch - first : READY, betas + first * model->betas,
            rotations + first * model->joints * 9, vertices + first * model->vertices * vertex_stride, vertex_stride,
            joints + first * model->joints * 3, room + movements, room);
    }
    free(room);
}
