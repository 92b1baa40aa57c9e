"""Files of weights that ship with the package: found, and verified by their SHA-256."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path

from emonets.errors import BundleError


def verified_weights(name: str, sha256: str, what: str, *, folder: Path | None = None) -> bytes:
    """The bytes of a file in ``emonets/weights``.

    Parameters
    ----------
    name : of the file. sha256 : that it must have, hexadecimal.
    what : the network in it, for messages.
    folder : where the file lies; the package's own folder by default.

    Raises
    ------
    BundleError : the file is missing, cannot be read, or has another SHA-256.
    """
    path = (folder or Path(str(files("emonets") / "weights"))) / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BundleError(
            f"{path}: the {what} cannot be read ({error.strerror}); install emonets again"
        ) from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise BundleError(
            f"{path}: the {what} is damaged or foreign (SHA-256 {found[:12]}…, expected "
            f"{sha256[:12]}…); install emonets again"
        )
    return data
