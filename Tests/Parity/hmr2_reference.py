"""What the public code of 4D-Humans makes of crops and of boxes in a picture.

    git clone https://github.com/shubham-goel/4D-Humans
    python -m venv venv && venv/bin/pip install torch torchvision timm einops yacs scikit-image opencv-python-headless smplx
    venv/bin/python hmr2_reference.py --code 4D-Humans --hmr2-dir FOLDER --crops crops.npy --output DIR
    venv/bin/python hmr2_reference.py --code 4D-Humans --golden     # writes ../Fixtures/hmr2/golden_*.npz again

Only what it trains, draws and detects with (Lightning, pyrender, detectron2) is replaced by nothing: the network, the body
model, the crops and the cameras are the public code's own.
"""

import argparse
import contextlib
import io
import os
import sys
import tempfile
import time
import types
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
FIXTURES = HERE.parent / "Fixtures/hmr2"
sys.path.insert(0, str(FIXTURES))
import make_folder
from unused import Nothing

UNUSED = ("pyrender", "trimesh", "OpenGL", "webdataset", "braceexpand", "detectron2", "hydra", "rich", "dill", "omegaconf",
          "torchvision",
          "pytorch_lightning")


class Ch:
    """chumpy's array as its pickles are: enough for NumPy to read it."""

    shape = property(lambda self: self.x.shape)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.x, dtype=dtype)

    def __getitem__(self, key):
        return self.x[key]


def prepare(code: Path) -> None:
    sys.meta_path.insert(0, Nothing(UNUSED))
    sys.modules["chumpy"] = types.ModuleType("chumpy")
    sys.modules["chumpy.ch"] = types.ModuleType("chumpy.ch")
    sys.modules["chumpy.ch"].Ch = Ch
    Ch.__module__ = "chumpy.ch"
    import torch
    import pytorch_lightning
    pytorch_lightning.LightningModule = type(
        "LightningModule", (torch.nn.Module,), {"save_hyperparameters": lambda *_, **__: None})
    sys.path.insert(0, str(code))


def load(folder: Path):
    """The model as 4D-Humans' `load_hmr2` makes it."""
    import torch
    from hmr2.configs import get_config
    from hmr2.models import backbones
    from hmr2.models.hmr2 import HMR2
    run = folder / "logs/train/multiruns/hmr2/0"
    cfg = get_config(str(run / "model_config.yaml"))
    cfg.defrost()
    for key in ("MODEL_PATH", "JOINT_REGRESSOR_EXTRA", "MEAN_PARAMS"):
        cfg.SMPL[key] = str(folder / cfg.SMPL[key])
    cfg.MODEL.BBOX_SHAPE = [192, 256]
    cfg.freeze()
    checkpoint = next((run / "checkpoints").glob("*.ckpt"))
    state = torch.load(checkpoint, map_location="cpu", weights_only=False, mmap=True)["state_dict"]
    width = state["backbone.pos_embed"].shape[2]
    depth = sum(name.endswith("norm1.weight") for name in state)
    # Its sizes are written into the public code; those of a small one are given here.
    backbones.vit = lambda cfg: sys.modules["hmr2.models.backbones.vit"].ViT(
        img_size=(256, 192), patch_size=16, embed_dim=width, depth=depth,
        num_heads=cfg.MODEL.BACKBONE.get("NUM_HEADS", 16), ratio=1, mlp_ratio=4, qkv_bias=True, drop_path_rate=0.55)
    model = HMR2(cfg, init_renderer=False)
    missing, _ = model.load_state_dict(state, strict=False)
    assert all(name.startswith(("smpl.", "initialized")) for name in missing), missing
    return model.eval(), cfg


def run(model, crops: np.ndarray) -> dict:
    """Every result by name; crops are normalised, (B, 3, 256, 256)."""
    import torch
    results: dict = {}
    hooks = [block.register_forward_hook(lambda _, __, out, i=i: results.__setitem__(f"block{i}", out.numpy()))
             for i, block in enumerate(model.backbone.blocks)]
    hooks.append(model.backbone.register_forward_hook(
        lambda _, __, out: results.__setitem__("backbone", out.flatten(2).transpose(1, 2).contiguous().numpy())))
    with torch.no_grad():
        out = model({"img": torch.from_numpy(crops)})
    for hook in hooks:
        hook.remove()
    parameters = out["pred_smpl_params"]
    return results | {
        "rotations": torch.cat([parameters["global_orient"], parameters["body_pose"]], dim=1).numpy(),
        "betas": parameters["betas"].numpy(), "cam": out["pred_cam"].numpy(), "cam_t": out["pred_cam_t"].numpy(),
        "keypoints_3d": out["pred_keypoints_3d"].numpy(), "keypoints_2d": out["pred_keypoints_2d"].numpy(),
        "vertices": out["pred_vertices"].numpy(),
    }


def crop(cfg, picture: np.ndarray, boxes: np.ndarray) -> dict:
    """The demo's crops in grey levels, (N, 256, 192, 3), red first, with each one's centre and size."""
    from hmr2.datasets.vitdet_dataset import ViTDetDataset
    with contextlib.redirect_stdout(io.StringIO()):
        items = [dict(item) for item in ViTDetDataset(cfg, picture[:, :, ::-1], boxes)]
    mean, std = np.array(cfg.MODEL.IMAGE_MEAN) * 255, np.array(cfg.MODEL.IMAGE_STD) * 255
    levels = np.stack([np.asarray(item["img"]).transpose(1, 2, 0) * std + mean for item in items])
    return {"levels": levels[:, :, 32:-32], "center": np.stack([item["box_center"] for item in items]),
            "size": np.array([item["box_size"] for item in items]),
            "img": np.stack([np.asarray(item["img"]) for item in items]).astype(np.float32)}


def picture() -> np.ndarray:
    """A picture with detail at every scale, (720, 960, 3)."""
    y, x = np.mgrid[0:720, 0:960]
    channels = [128 + 60 * np.sin(x / (3 + 5 * c) + y / 17) + 50 * np.cos(x * y / (4000 + 900 * c)) + (x // 40 + y // 30) % 2 * 15
                for c in range(3)]
    return np.clip(np.stack(channels, axis=2), 0, 255).astype(np.uint8)


BOXES = np.array([[100, 80, 260, 480], [400, 20, 900, 700], [-60, 300, 180, 760], [500, 500, 560, 620], [0, 0, 960, 720]],
                 dtype=np.float32)


def test_crops(count: int) -> np.ndarray:
    return make_folder.noise("crops", count * 3 * 256 * 256).reshape(count, 3, 256, 256)


def golden() -> None:
    """For the tests: results for the tiny folders, a part of each where it is large."""
    from hmr2.utils.renderer import cam_crop_to_full
    import torch
    with tempfile.TemporaryDirectory() as folder:
        for variant in "ab":
            make_folder.make(Path(folder) / variant, "tiny", variant)
            model, cfg = load(Path(folder) / variant)
            results = run(model, test_crops(2))
            results["vertices"] = results["vertices"][:, ::53]
            seen = crop(cfg, picture(), BOXES)
            whole = run(model, seen["img"])
            size = torch.tensor([[960.0, 720.0]]).expand(len(BOXES), -1)
            focal = cfg.EXTRA.FOCAL_LENGTH / cfg.MODEL.IMAGE_SIZE * 960
            results["picture_levels"] = np.rint(seen["levels"][:, ::5, ::5]).astype(np.uint8)
            results["picture_keypoints_3d"] = whole["keypoints_3d"]
            results["picture_camera"] = cam_crop_to_full(
                torch.tensor(whole["cam"]), torch.tensor(seen["center"]), torch.tensor(seen["size"]), size, focal).numpy()
            np.savez_compressed(FIXTURES / f"golden_{variant}.npz", **results)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--code", type=Path, required=True, help="a clone of 4D-Humans")
    parser.add_argument("--golden", action="store_true")
    parser.add_argument("--hmr2-dir", type=Path)
    parser.add_argument("--crops", type=Path, help="(B, 3, 256, 256) as .npy; without it random ones")
    parser.add_argument("--count", type=int, default=1, help="how many random crops")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--repeat", type=int, default=0, help="measure the time of so many runs")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    prepare(arguments.code)
    if arguments.golden:
        golden()
        sys.exit()
    import torch
    torch.set_num_threads(arguments.threads)
    model, _ = load(arguments.hmr2_dir)
    crops = np.load(arguments.crops) if arguments.crops else test_crops(arguments.count)
    results = run(model, crops)
    for _ in range(arguments.repeat):
        start = time.monotonic()
        with torch.no_grad():
            model({"img": torch.from_numpy(crops)})
        print(f"{time.monotonic() - start:.4f}", flush=True)
    if arguments.output:
        arguments.output.mkdir(parents=True, exist_ok=True)
        for name, values in results.items():
            np.save(arguments.output / f"{name}.npy", values)
