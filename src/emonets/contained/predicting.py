"""What a contained process predicts with: the model of a bundle, loaded and run once in advance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from emonets.errors import EmoNetsError, ParameterError
from emonets.inference.options import Options
from emonets.inference.rows import status_of
from emonets.media.clip import Clip, open_clip
from emonets.media.limits import Limits
from emonets.media.parts import Frame
from emonets.model import EmoNets
from emonets.result import FileStatus, Result
from emonets.tubes.detect import DETECTORS, Haar

Teller = Callable[[Frame], None]

_PACKAGES = (
    "emonets.inference", "emonets.tubes", "emonets.voices", "emonets.fusion",
)  # fmt: skip


class Predicts(Protocol):
    """What the process asks for rows.

    Attributes
    ----------
    about : what a result states about the model.
    packages : names of packages all of whose modules may be needed.
    """

    about: dict[str, Any]
    packages: tuple[str, ...]

    def warm_up(self, example: Path | None, limits: Limits) -> None:
        """Run everything once; ``example`` is a clip with a face and a voice."""

    def predict(
        self, path: Path, content: Mapping[str, Any], teller: Callable[[Clip], Teller]
    ) -> Result:
        """The result of a clip; one that cannot be read has the status ``error``.

        Parameters
        ----------
        content : the options, as JSON has them.
        teller : called with the clip when it is open; what it returns is called for each frame.
        """


class Predictor:
    """A model of a bundle.

    Parameters
    ----------
    setup : ``bundle``, ``device``, ``models`` and ``fusion``.
    """

    packages: tuple[str, ...] = _PACKAGES

    def __init__(self, setup: Mapping[str, Any]) -> None:
        model = EmoNets.load(setup["bundle"], device=setup["device"])
        self._model = model.with_models(setup["models"]).with_fusion(setup["fusion"])
        self.about = self._model.describe()

    def warm_up(self, example: Path | None, limits: Limits) -> None:
        """See `Predicts`."""
        with suppress(EmoNetsError):
            haar = Haar()  # it is read from a file each time
            DETECTORS["haar"] = lambda: haar
        with suppress(EmoNetsError):
            self._model.predict(frames=np.zeros((2, 64, 64, 3), np.uint8), fps=25)
        with suppress(EmoNetsError):
            self._model.predict(sound=np.zeros(16_000, np.float32), rate=16_000)
        if example is not None:
            with suppress(EmoNetsError):
                self._model.predict_clip(example, limits=limits)

    def predict(
        self, path: Path, content: Mapping[str, Any], teller: Callable[[Clip], Teller]
    ) -> Result:
        """See `Predicts`."""
        options, file = _options_of(content), str(path)
        try:
            clip = open_clip(
                path, frame_rate=options.fps, limits=options.limits,
                video_stream=options.video_stream, audio_stream=options.audio_stream,
            )  # fmt: skip
            return self._model.predict_clip(clip, **options.keywords(), on_frame=teller(clip))
        except (ParameterError, MemoryError, BrokenPipeError):
            raise
        except Exception as error:  # one clip must never stop the others
            if isinstance(error, EmoNetsError):
                status = status_of(error, file)
            else:
                status = FileStatus(file, "error", f"unexpected: {error!r}")
            below, abstain = options.uncertain_below, options.abstain
            about = self._model.describe(uncertain_below=below, abstain=abstain)
            return Result((), (status,), about)


def _options_of(content: Mapping[str, Any]) -> Options:
    stretch = content["stretch"]
    return Options(**{
        **content, "limits": Limits(**content["limits"]),
        "stretch": None if stretch is None else tuple(stretch),
    })  # fmt: skip
