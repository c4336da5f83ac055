// JPEG bytes to something that can be drawn, upright: keypoints are of the upright frame.

/**
 * Decodes a JPEG with its EXIF orientation applied. `width` and `height` are the outcome's, of the upright frame.
 * @returns an ImageBitmap, or an image element where the browser's bitmaps ignore the orientation
 */
export async function decodePicture(bytes, width, height) {
  const blob = bytes instanceof Blob ? bytes : new Blob([bytes], { type: "image/jpeg" });
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, { imageOrientation: "from-image" });
  } catch (error) {
    // Older browsers do not know the word; what they do is seen by the size.
    if (!(error instanceof TypeError)) throw error;
    bitmap = await createImageBitmap(blob);
  }
  const turned = width !== height && bitmap.width === height && bitmap.height === width;
  if (!turned) return bitmap;
  bitmap.close();
  return decodeAsImage(blob);
}

/** Image elements apply the orientation in every browser. */
async function decodeAsImage(blob) {
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  try {
    await image.decode();
  } finally {
    URL.revokeObjectURL(image.src);
  }
  image.close = () => {};
  return image;
}
