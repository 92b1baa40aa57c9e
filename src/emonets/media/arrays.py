"""Pictures from memory: any of the usual arrays, or a Pillow image, as the pictures of files are.

A picture and the file of the same pixels give the same array, so that all that follows gives the
same numbers.
"""

from __future__ import annotations

import sys
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.errors import ParameterError

_SLACK = 1e-3
"""Values this far outside 0..1 are rounding, and are clipped."""
_CHANNELS = (1, 3, 4)
_TO_RGB = {
    (1, False): cv2.COLOR_GRAY2RGB, (1, True): cv2.COLOR_GRAY2RGB, (3, True): cv2.COLOR_BGR2RGB,
    (4, False): cv2.COLOR_RGBA2RGB, (4, True): cv2.COLOR_BGRA2RGB,
}  # fmt: skip
"""By the number of channels, and whether blue is first."""


def as_picture(
    image: Any, *, bgr: bool = False, where: str = "image", copy: bool = False
) -> NDArray[np.uint8]:
    """One picture as uint8 RGB, the same pixels as from its file.

    Parameters
    ----------
    image : an array of shape (h, w, 3) RGB, (h, w, 4) RGBA, (h, w) or (h, w, 1) grey; or a Pillow
        image, whose EXIF orientation is followed. Values are uint8 0..255, uint16 0..65535, or
        float 0..1. Alpha is ignored, as in image files: the colours stay as they are.
    bgr : whether an array is BGR or BGRA, as OpenCV reads pictures. A Pillow image never is.
    where : how messages name the picture.
    copy : whether the result is always memory of its own. Else an array that needs no change is
        returned itself, and must not be changed while it is in use.

    Returns
    -------
    (h, w, 3) uint8 RGB, in one piece.

    Raises
    ------
    ParameterError : it is none of these; the message tells how to change it.

    Examples
    --------
    >>> as_picture(np.full((2, 2), 0.5)).tolist()[0]
    [[128, 128, 128], [128, 128, 128]]
    """
    if _is_pillow(image):
        image, bgr = _pillow_pixels(image, where), False
    pixels = _with_channels(_array(image, where), where)
    eight = _eight_bits(pixels, where)
    whole: NDArray[np.uint8] = np.ascontiguousarray(eight)
    code = _TO_RGB.get((whole.shape[2], bgr))
    # OpenCV is some times faster than NumPy here
    out = whole if code is None else np.asarray(cv2.cvtColor(whole, code), np.uint8)
    return out.copy() if copy and np.may_share_memory(out, pixels) else out


def _is_pillow(image: object) -> bool:
    # whoever has such an image has imported Pillow
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(image, pillow.Image)


def _pillow_pixels(image: Any, where: str) -> NDArray[Any]:
    """The upright pixels of a Pillow image: RGB, or grey of more than 8 bits."""
    from PIL import ImageOps

    try:
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I") or upright.mode == "F":
            deep: NDArray[Any] = np.asarray(upright)
            if upright.mode != "F" and deep.size and deep.min() >= 0 and deep.max() < 2**16:
                deep = deep.astype(np.uint16)
            return deep
        return np.asarray(upright.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:  # Pillow decodes here
        raise ParameterError(
            f"{where}: Pillow cannot decode this image ({error}); save it again"
        ) from error


def _array(image: object, where: str) -> NDArray[Any]:
    """The picture as an array, whatever its type and shape."""
    if image is None or isinstance(image, str | bytes | dict | set):
        raise ParameterError(
            f"{where}: is no picture but {type(image).__name__}; give an array (h, w, 3) or a "
            "Pillow image"
        )
    try:
        return np.asarray(image)
    except Exception as error:  # of the library that the object belongs to
        raise ParameterError(
            f"{where}: a {type(image).__name__} cannot be made an array ({error}); give an array "
            "(h, w, 3)"
        ) from error


def _with_channels(pixels: NDArray[Any], where: str) -> NDArray[Any]:
    """The picture as (h, w, channels), where its shape is one of a picture."""
    shape = pixels.shape
    if pixels.ndim == 4:
        raise ParameterError(
            f"{where}: has shape {shape}, which is several pictures; give one of them, such as "
            "array[0], or a list of pictures"
        )
    if pixels.ndim not in (2, 3):
        raise ParameterError(
            f"{where}: has shape {shape}; a picture is (h, w, 3) colour or (h, w) grey"
        )
    if 0 in shape:
        raise ParameterError(f"{where}: has shape {shape}, which holds no pixel")
    if pixels.ndim == 2:
        return pixels[:, :, None]
    if shape[2] not in _CHANNELS:
        if shape[0] in _CHANNELS:
            raise ParameterError(
                f"{where}: has shape {shape}, with its channels first; turn it with "
                "array.transpose(1, 2, 0)"
            )
        raise ParameterError(
            f"{where}: has {shape[2]} channels; a picture has 1 (grey), 3 (RGB) or 4 (RGBA)"
        )
    return pixels


def _eight_bits(pixels: NDArray[Any], where: str) -> NDArray[np.uint8]:
    """The same pixels as uint8."""
    kind = pixels.dtype
    if kind == np.uint8:
        return pixels
    if kind == np.uint16:
        most = int(pixels.max())
        if 0 < most < 256:
            raise ParameterError(
                f"{where}: is uint16 with values up to {most}, and 65535 is white; if 255 is "
                "white, use array.astype(np.uint8)"
            )
        # as OpenCV reads image files of 16 bits
        return (pixels >> 8).astype(np.uint8)
    if np.issubdtype(kind, np.floating):
        return _of_float(pixels, where)
    remedy = "if 255 is white, use array.astype(np.uint8)"
    if kind == np.bool_:
        remedy = "use array.astype(np.uint8) * 255"
    raise ParameterError(
        f"{where}: has values of type {kind}; a picture is uint8, uint16 or float 0..1: {remedy}"
    )


def _of_float(pixels: NDArray[Any], where: str) -> NDArray[np.uint8]:
    least, most = float(pixels.min()), float(pixels.max())
    if not (np.isfinite(least) and np.isfinite(most)):
        raise ParameterError(
            f"{where}: holds NaN or infinity; fill them, for example with np.nan_to_num(array)"
        )
    if most > 1 + _SLACK:
        remedy = "divide it by its white value"
        if least >= 0 and most <= 255:
            remedy = "if 255 is white, use array / 255 or array.astype(np.uint8)"
        raise ParameterError(
            f"{where}: is {pixels.dtype} with values up to {most:g}, and a float picture has "
            f"0..1: {remedy}"
        )
    if least < -_SLACK:
        raise ParameterError(
            f"{where}: is {pixels.dtype} with values down to {least:g}, and a float picture has "
            "0..1: undo what was subtracted, for example (array + 1) / 2"
        )
    wide = pixels.astype(np.float64 if pixels.dtype.itemsize > 4 else np.float32, copy=False)
    made: NDArray[np.uint8] = np.asarray(cv2.convertScaleAbs(wide.clip(0, 1), alpha=255.0))
    return made.reshape(pixels.shape)
