"""A camera and a microphone that play the example clip, for Chromium."""

from __future__ import annotations

import wave
from pathlib import Path

import cv2
import numpy as np

from emonets.media.clip import Frame, open_clip


def fake_devices(clip: Path, folder: Path, size: tuple[int, int] = (640, 480)) -> list[str]:
    """Files of the clip's frames and sound, and the arguments with which Chromium plays them.

    They begin again at their end. Frames go to and fro, so that the face stays whole.
    """
    opened = open_clip(clip)
    frames, sound = [], []
    for part in opened.decode():
        if isinstance(part, Frame):
            picture = cv2.cvtColor(cv2.resize(part.image, size), cv2.COLOR_RGB2BGR)
            frames.append(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1])
        else:
            sound.append(part.samples)
    pictures = folder / "camera.mjpeg"
    pictures.write_bytes(b"".join(own.tobytes() for own in frames + frames[-2:0:-1]))
    voice = folder / "microphone.wav"
    with wave.open(str(voice), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes((np.concatenate(sound) * 32767).astype("<i2").tobytes())
    return [
        "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={pictures}",
        f"--use-file-for-fake-audio-capture={voice}",
    ]  # fmt: skip
