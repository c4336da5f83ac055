internal import CTorch

extension Tensor {
    /// Six numbers a rotation, a representation without jumps, as matrices: (…, 6) to (…, 3, 3).
    ///
    /// The numbers are the matrix's first two columns, one after the other, of any length and angle to each other.
    ///
    /// Source: Zhou et al., "On the Continuity of Rotation Representations in Neural Networks", CVPR 2019, appendix B; in
    /// the order of 4D-Humans `hmr2/utils/geometry.py`, `rot6d_to_rotmat`.
    ///
    /// - Throws: `TorchError` where the last dimension is not 6.
    public func rotationMatrices() throws(TorchError) -> Tensor {
        try makeTensor("reading rotations of shape \(shape)") { ctorch_rotation_matrices(handle, $0) }
    }
}
