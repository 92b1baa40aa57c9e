"""A clip comes in: streamed to the disk, counted, and gone if it does not come whole."""

from __future__ import annotations

import asyncio
from typing import BinaryIO

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from emonets.app.jobs import Job, Jobs, new_job, shown_bytes
from emonets.app.parameters import about_upload

CHUNK = 2**20
"""Bytes that are collected before they are written."""
SILENCE = 60.0
"""Seconds without a byte after which an upload is given up."""


async def receive(request: Request, jobs: Jobs) -> Job:
    """Take in the clip of a request's body.

    Raises
    ------
    HTTPException : it is too large, empty, or does not come whole.
    NoRoomError : there is no room.
    """
    size = _length(request, jobs.settings.max_bytes)
    name, about = about_upload(request.query_params)
    with jobs.receiving(size) as (key, part):
        with part.open("xb") as file:
            part.chmod(0o600)
            await _copy(request, file, size)
        job = new_job(key, name=name, size=size, **about)
        await asyncio.to_thread(jobs.add, job, part)
    return job


def _length(request: Request, most: int) -> int:
    """The declared size, which is checked before a byte of the body is read."""
    text = request.headers.get("content-length")
    if text is None:
        raise HTTPException(
            411, "the size of the clip is needed before it: send the header Content-Length"
        )
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise HTTPException(400, "Content-Length is not a number of bytes")
    size = int(text)
    if size == 0:
        raise HTTPException(400, "the file is empty; copy or download it again")
    if size > most:
        raise HTTPException(
            413, f"the file has {shown_bytes(size)}, more than the limit of {shown_bytes(most)}; "
            "cut it, or start emonets serve with a higher --max-bytes",
        )  # fmt: skip
    return size


async def _copy(request: Request, file: BinaryIO, size: int) -> None:
    """Write the body, in pieces, and check that it has the declared size."""
    got, pieces, held = 0, [], 0
    stream = request.stream().__aiter__()
    while True:
        try:
            piece = await asyncio.wait_for(anext(stream), SILENCE)
        except StopAsyncIteration:
            break
        except TimeoutError:
            raise HTTPException(
                408, f"nothing came for {SILENCE:.0f} s; send the clip again"
            ) from None
        except ClientDisconnect:
            raise _cut(got, size) from None
        got, held = got + len(piece), held + len(piece)
        if got > size:
            raise HTTPException(400, f"more came than the {size} bytes that Content-Length gives")
        pieces.append(piece)
        if held >= CHUNK:
            await asyncio.to_thread(file.writelines, pieces)
            pieces, held = [], 0
    await asyncio.to_thread(file.writelines, pieces)
    await asyncio.to_thread(file.flush)
    if got < size:
        raise _cut(got, size)


def _cut(got: int, size: int) -> HTTPException:
    return HTTPException(400, f"only {got} of {size} bytes came; send the clip again")
