// The names and bones behind the keypoints, as Sources/Messages/Skeleton.swift has them.

const blazepose33 = {
  keypoints: [
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
    "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_pinky", "right_pinky", "left_index", "right_index",
    "left_thumb", "right_thumb", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle", "left_heel", "right_heel", "left_foot_index", "right_foot_index",
  ],
  bones: [
    [0, 2], [2, 7], [0, 5], [5, 8], [9, 10], [11, 12], [11, 13], [13, 15], [12, 14], [14, 16], [15, 17],
    [15, 19], [16, 18], [16, 20], [11, 23], [12, 24], [23, 24], [23, 25], [25, 27], [24, 26], [26, 28],
    [27, 29], [29, 31], [28, 30], [30, 32],
  ],
  hips: [23, 24],
  feet: [27, 28, 29, 30, 31, 32],
};

const smpl44 = {
  keypoints: [
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye",
    "left_eye", "right_ear", "left_ear", "left_big_toe", "left_small_toe", "left_heel", "right_big_toe",
    "right_small_toe", "right_heel", "lsp_right_ankle", "lsp_right_knee", "lsp_right_hip", "lsp_left_hip",
    "lsp_left_knee", "lsp_left_ankle", "lsp_right_wrist", "lsp_right_elbow", "lsp_right_shoulder",
    "lsp_left_shoulder", "lsp_left_elbow", "lsp_left_wrist", "lsp_neck", "lsp_head_top", "mpii_pelvis",
    "mpii_thorax", "h36m_spine", "h36m_jaw", "h36m_head",
  ],
  bones: [
    [0, 1], [1, 2], [2, 3], [3, 4], [1, 5], [5, 6], [6, 7], [1, 8], [8, 9], [9, 10], [10, 11], [8, 12], [12, 13],
    [13, 14], [0, 15], [15, 17], [0, 16], [16, 18], [14, 19], [19, 20], [14, 21], [11, 22], [22, 23], [11, 24],
  ],
  hips: [9, 12],
  feet: [11, 14, 19, 20, 21, 22, 23, 24],
};

/** A skeleton that is not known is drawn as points. */
const unknown = { keypoints: [], bones: [], hips: [], feet: [] };

export function skeletonNamed(name) {
  return { blazepose33, smpl44 }[name] ?? unknown;
}

/** Below this score a keypoint is a guess and is not drawn. */
export const VISIBLE = 0.2;

const PALETTE = ["#4dabf7", "#ffa94d", "#69db7c", "#f783ac", "#b197fc", "#ffe066", "#3bc9db", "#ff8787"];

/** The colour of a person: the same for the same identity in every view. */
export function colourOf(trackID) {
  return PALETTE[(((trackID - 1) % PALETTE.length) + PALETTE.length) % PALETTE.length];
}
