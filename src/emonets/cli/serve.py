"""The command ``serve``: a page on this computer on which clips are dropped."""

from __future__ import annotations

import os
import sys
import webbrowser
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from emonets.cli.clips import Bundle, Device
from emonets.cli.options import err
from emonets.errors import MissingExtraError
from emonets.version import DEFAULT_BUNDLE


def serve(
    port: Annotated[int, typer.Option(help="Port of 127.0.0.1; 0 takes a free one.")] = 8471,
    bundle: Bundle = DEFAULT_BUNDLE,
    device: Device = "cpu",
    keep: Annotated[
        str, typer.Option(help="Time after which a clip and its result are deleted.")
    ] = "24h",
    folder: Annotated[
        Path | None,
        typer.Option(help="Folder of clips and results. Default: in the user's cache."),
    ] = None,
    max_bytes: Annotated[str, typer.Option(help="Largest clip, such as 500M or 2G.")] = "2G",
    max_jobs: Annotated[int, typer.Option(help="Most clips that wait.")] = 200,
    max_disk: Annotated[str, typer.Option(help="Most bytes of all clips and results.")] = "20G",
    max_time: Annotated[str, typer.Option(help="Longest work on a clip.")] = "1h",
    max_memory: Annotated[str, typer.Option(help="Most memory of the work on a clip.")] = "4G",
    forget: Annotated[
        bool, typer.Option("--forget", help="Delete all clips and results at the end.")
    ] = False,
    open: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the address only.")] = False,
) -> None:
    """Open a page on which clips are dropped, played and compared.

    The page is for this computer only. Its address has a token that changes at each start.
    Nothing is sent to another computer. Ctrl-C ends it; clips that wait are done at the next start.
    """
    for package in ("starlette", "uvicorn", "websockets"):
        if find_spec(package) is None:
            raise MissingExtraError("emonets serve", "serve")
    from emonets.app.server import HOST, Server, listen, only_one
    from emonets.app.server import serve as run
    from emonets.app.settings import Settings, bytes_of, default_folder, seconds_of
    from emonets.bundle import find_bundle
    from emonets.runtime.ending import keeps

    settings = Settings(
        folder=default_folder() if folder is None else folder, port=port, bundle=bundle,
        device=device, keep_seconds=seconds_of(keep), forget=forget,
        max_bytes=bytes_of(max_bytes, "--max-bytes"), max_jobs=max_jobs,
        max_disk=bytes_of(max_disk, "--max-disk"), max_seconds=seconds_of(max_time, "--max-time"),
        max_memory=bytes_of(max_memory, "--max-memory"),
    )  # fmt: skip
    find_bundle(bundle)
    with only_one(settings.folder), listen(port) as sock:
        settings = replace(settings, port=sock.getsockname()[1])
        server = Server(settings)
        address = f"http://{HOST}:{settings.port}/?token={settings.token}"
        print(address, flush=True)
        if not quiet:
            place = "deleted at the end" if forget else f"kept in {settings.folder} for {keep}"
            err.print(f"note: clips and results are {place}; Ctrl-C ends", soft_wrap=True)
        keeps(None if forget else f"clips are in {settings.folder}; the same command continues")
        if open and _has_display():
            webbrowser.open(address)
        run(server, sock)


def _has_display() -> bool:
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
