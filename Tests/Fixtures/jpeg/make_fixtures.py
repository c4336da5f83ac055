#!/usr/bin/env python3
"""Makes the JPEG fixtures of this folder. Needs Pillow, numpy, and cjpeg of libjpeg-turbo.

Each image shows the same 48x32 gradient with a bright corner, so that a wrong turn or a swapped channel shows.
The .rgb files are the pixels as Pillow decodes them (which is libjpeg-turbo too): a second opinion on ours.
"""

import pathlib
import subprocess

import numpy
from PIL import Image, ImageOps

folder = pathlib.Path(__file__).parent
height, width = 32, 48
y, x = numpy.mgrid[0:height, 0:width]
pixels = numpy.stack([x * 255 // (width - 1), y * 255 // (height - 1), (x + y) * 2], axis=2).astype(numpy.uint8)
pixels[:8, :12] = (250, 240, 40)
image = Image.fromarray(pixels)


def save(name, picture=image, **options):
    picture.save(folder / name, "JPEG", quality=85, **options)


def keep_pixels(name, transform=lambda picture: picture):
    with Image.open(folder / f"{name}.jpg") as picture:
        (folder / f"{name}.rgb").write_bytes(transform(picture).convert("RGB").tobytes())


save("baseline.jpg")
save("progressive.jpg", progressive=True)
save("restart.jpg", restart_marker_rows=1)
save("gray.jpg", image.convert("L"))
save("cmyk.jpg", image.convert("CMYK"))
exif = Image.Exif()
exif[0x0112] = 6
save("turned.jpg", exif=exif)
for name in ("baseline", "progressive", "restart", "gray"):
    keep_pixels(name)
keep_pixels("turned", ImageOps.exif_transpose)

ppm = folder / "pixels.ppm"
image.save(ppm)
subprocess.run(["cjpeg", "-arithmetic", "-outfile", folder / "arithmetic.jpg", ppm], check=True)
ppm.unlink()
