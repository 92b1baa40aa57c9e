"""Valence and arousal derived from the seven probabilities, by published coordinates.

They are no measurement: nothing was trained on valence or arousal. Each is the mean of seven
numbers, weighted by the probabilities, and holds nothing that the probabilities do not.

The coordinates are the mean pleasure and arousal that students gave the words *angry*, *disgusted*,
*fearful*, *happy*, *sad* and *surprised*: Russell, J. A., & Mehrabian, A. (1977). Evidence for a
three-factor theory of emotions. Journal of Research in Personality, 11(3), 273-294,
doi:10.1016/0092-6566(77)90037-X, its table of 151 words (numbers 82, 75, 101, 31, 151 and 52), as
later works reproduce it. Neutral is 0 and 0 by definition, and is not of that table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.emotions import EMOTIONS

if TYPE_CHECKING:
    import pandas as pd

VALENCE = {
    "angry": -0.51, "disgust": -0.60, "fear": -0.64, "happy": 0.81, "sad": -0.63,
    "surprise": 0.40, "neutral": 0.0,
}  # fmt: skip
"""-1 unpleasant to 1 pleasant."""
AROUSAL = {
    "angry": 0.59, "disgust": 0.35, "fear": 0.60, "happy": 0.51, "sad": -0.27,
    "surprise": 0.67, "neutral": 0.0,
}  # fmt: skip
"""-1 calm to 1 aroused."""
COLUMNS = ("valence_derived", "arousal_derived")
SOURCE = (
    "derived from the seven probabilities by the mean ratings of the emotion words in Russell and "
    "Mehrabian (1977), Journal of Research in Personality 11, 273-294; neutral is 0"
)


def valence_arousal(probabilities: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Derived valence and arousal.

    Parameters
    ----------
    probabilities : (n, 7) in the order of ``emonets.EMOTIONS``.

    Returns
    -------
    valence : (n,) -0.64..0.81. arousal : (n,) -0.27..0.67. NaN where a probability is.

    Examples
    --------
    >>> valence, arousal = valence_arousal([[0, 0, 0, 1, 0, 0, 0]])
    >>> float(valence[0]), float(arousal[0])
    (0.81, 0.51)
    """
    p = np.asarray(probabilities, np.float64).reshape(-1, len(EMOTIONS))
    v = np.array([VALENCE[name] for name in EMOTIONS])
    a = np.array([AROUSAL[name] for name in EMOTIONS])
    return p @ v, p @ a


def with_derived(frame: pd.DataFrame, prefix: str = "") -> pd.DataFrame:
    """A data frame with the two columns behind the emotions of that prefix."""
    names = [prefix + name for name in EMOTIONS]
    made = valence_arousal(frame[names].to_numpy(np.float64, na_value=np.nan))
    out = frame.copy()
    place = list(frame.columns).index(names[-1]) + 1
    for k, (name, values) in enumerate(zip(COLUMNS, made, strict=True)):
        out.insert(place + k, prefix + name, values)
    return out
