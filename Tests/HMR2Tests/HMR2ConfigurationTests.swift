import HMR2
import Testing
import Weights

struct HMR2ConfigurationTests {
    private static let good = """
        SMPL:
          NUM_BODY_JOINTS: 23
        MODEL:
          IMAGE_SIZE: 256
          BACKBONE:
            TYPE: vit
          SMPL_HEAD:
            TYPE: transformer_decoder
            TRANSFORMER_DECODER:
              heads: 8
              norm: layer
        """

    @Test func theReleasedModelsNeedNoMoreThanTheirTypes() throws {
        #expect(try HMR2Configuration(Self.good, name: "c.yaml") == HMR2Configuration())
    }

    @Test func everythingThatDecidesIsRead() throws {
        let text =
            Self.good.replacing("NUM_BODY_JOINTS: 23", with: "NUM_BODY_JOINTS: 23\n  UPDATE_HIPS: true")
            .replacing("TYPE: vit", with: "TYPE: vit\n    NUM_HEADS: 12")
            .replacing("heads: 8", with: "heads: 4")
            .replacing(
                "TYPE: transformer_decoder",
                with: "TYPE: transformer_decoder\n    IEF_ITERS: 3\n    TRANSFORMER_INPUT: mean_shape"
            )
            .replacing("  IMAGE_SIZE: 256", with: "  IMAGE_SIZE: 256\n  IMAGE_MEAN: [0.5, 0.25, 0.125]")
            + "\nEXTRA:\n  FOCAL_LENGTH: 1000\n"
        let read = try HMR2Configuration(text, name: "c.yaml")
        #expect(read.updatesHips && read.backboneHeads == 12 && read.decoderHeads == 4 && read.iterations == 3)
        #expect(read.query == .meanShape && read.focalLength == 1000 && read.imageMean == [0.5, 0.25, 0.125])
    }

    @Test(arguments: [
        // TokenHMR's and HMR 1's heads, another backbone, numbers that cannot be.
        ("TYPE: transformer_decoder", "TYPE: token", "MODEL.SMPL_HEAD.TYPE", 8),
        ("TYPE: vit", "TYPE: hmr", "MODEL.BACKBONE.TYPE", 6),
        ("IMAGE_SIZE: 256", "IMAGE_SIZE: 224", "MODEL.IMAGE_SIZE", 4),
        ("norm: layer", "norm: ada", "MODEL.SMPL_HEAD.TRANSFORMER_DECODER.norm", 11),
        ("heads: 8", "heads: 0", "MODEL.SMPL_HEAD.TRANSFORMER_DECODER.heads", 10),
        ("heads: 8", "heads: [8]", "MODEL.SMPL_HEAD.TRANSFORMER_DECODER.heads", 10),
        ("NUM_BODY_JOINTS: 23", "NUM_BODY_JOINTS: 54", "SMPL.NUM_BODY_JOINTS", 2),
        ("NUM_BODY_JOINTS: 23", "UPDATE_HIPS: perhaps", "SMPL.UPDATE_HIPS", 2),
    ])
    func anotherModelsIsRefusedByFileLineAndKey(old: String, new: String, key: String, line: Int) {
        let text = Self.good.replacing(old, with: new)
        let error = #expect(throws: WeightError.self) { try HMR2Configuration(text, name: "c.yaml") }
        #expect(error?.description.hasPrefix("c.yaml:\(line): \(key) is ") == true, "\(String(describing: error))")
    }

    @Test(arguments: ["", "- a\n- b", "MODEL: 3", "a: [", "MODEL:\n  BACKBONE: vit"])
    func whatIsNoConfigurationIsRefused(text: String) {
        let error = #expect(throws: WeightError.self) { try HMR2Configuration(text, name: "c.yaml") }
        #expect(error?.description.hasPrefix("c.yaml") == true)
    }
}
