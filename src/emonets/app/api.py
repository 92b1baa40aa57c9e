"""The answers to requests: REST beneath the pages, and the pages."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from emonets.app import pages
from emonets.app.clip_pages import SHOWN, checked_edits, policy_of, read_film, write_page
from emonets.app.comparison import comparison
from emonets.app.evaluation import evaluation
from emonets.app.exports import export, formats
from emonets.app.facts import Facts, facts_of
from emonets.app.finished import Clip
from emonets.app.jobs import DONE, OPEN, RUNNING, WAITING, Job, Jobs
from emonets.app.openapi import openapi
from emonets.app.queue import News, Queue
from emonets.app.security import page_policy
from emonets.app.settings import Settings
from emonets.app.uploads import receive
from emonets.bundle import bundle_names
from emonets.errors import EmoNetsError
from emonets.result import Result, printable
from emonets.runtime.files import write_whole
from emonets.version import __version__

Outlook = dict[str, tuple[int | None, float | None]]
"""Of `emonets.app.queue.Queue.outlook`."""
LONG_POLL = 20.0
"""Seconds for which a request for changes waits."""
MAX_EDITS = 10**6
"""Bytes of edits."""


@dataclass
class Api:
    """The handlers of requests, with what they share."""

    settings: Settings
    jobs: Jobs
    queue: Queue
    news: News

    # --- pages

    async def page(self, request: Request) -> Response:
        """One of the pages of this package."""
        made = pages.page(request.url.path.strip("/") or "start")
        policy = page_policy(request.headers["host"])
        return Response(made, media_type="text/html", headers={"Content-Security-Policy": policy})

    async def icon(self, request: Request) -> Response:
        """The icon of pages that name none, as browsers request it."""
        return self._asset("icon.svg")

    async def asset(self, request: Request) -> Response:
        """A style or script of these pages."""
        return self._asset(request.path_params["name"])

    def _asset(self, name: str) -> Response:
        found = pages.asset(name)
        if found is None:
            raise HTTPException(404, "there is no such file")
        return Response(found.content, media_type=found.type)

    async def clip_page(self, request: Request) -> Response:
        """The report page of a clip."""
        job = self._done(request)
        try:
            html = await asyncio.to_thread(self._page_text, job)
        except OSError:
            raise _gone() from None
        headers = {"Content-Security-Policy": policy_of(html)}
        return Response(html, media_type="text/html", headers=headers)

    async def clip_file(self, request: Request) -> Response:
        """A film, picture or sound that the page shows."""
        job = self._done(request)
        name = request.path_params["name"]
        path = next((self.jobs.page(job) / own for own in job.files if own == name), None)
        if path is None or not path.is_file():
            raise HTTPException(404, "this clip has no such file")
        return FileResponse(path, media_type=SHOWN[path.suffix])

    # --- jobs

    async def status(self, request: Request) -> Response:
        """Version, models, limits and the length of the queue."""
        every = self.jobs.all()
        s = self.settings
        facts = await self._facts()
        return JSONResponse({
            "version": __version__, "bundle": s.bundle, "bundles": list(bundle_names()),
            "models": [] if facts is None else facts.models,
            "active": [] if facts is None else facts.active,
            "queue": {
                "waiting": sum(job.state == WAITING for job in every),
                "running": sum(job.state == RUNNING for job in every),
            },
            "limits": {
                "bytes": s.max_bytes, "seconds": s.max_seconds, "jobs": s.max_jobs,
                "disk": s.max_disk,
            },
            "used": self.jobs.used(), "folder": printable(str(s.folder)),
            "keep_seconds": s.keep_seconds, "forget": s.forget,
            "locked": self.queue.locked, "formats": formats(),
        })  # fmt: skip

    async def openapi(self, request: Request) -> Response:
        """The description of all this."""
        return JSONResponse(openapi())

    async def upload(self, request: Request) -> Response:
        """A new clip."""
        job = await receive(request, self.jobs)
        self.queue.wake()
        return JSONResponse(
            self._shown(job), 201, headers={"Location": f"/api/jobs/{quote(job.id)}"}
        )

    async def list_jobs(self, request: Request) -> Response:
        """All jobs; with ``since``, when something has changed."""
        since = request.query_params.get("since")
        if since is not None:
            if not re.fullmatch(r"\d{1,15}", since):
                raise HTTPException(400, f"since must be a version of the list, got {since!r}")
            await self.news.after(int(since), LONG_POLL)
        version = self.news.version
        outlook = self.queue.outlook()
        shown = [self._shown(job, outlook) for job in self.jobs.all()]
        return JSONResponse({"jobs": shown, "version": version})

    async def job(self, request: Request) -> Response:
        """One job."""
        return JSONResponse(self._shown(self._job(request)))

    async def cancel(self, request: Request) -> Response:
        """Stop the work on a clip, or take it out of the queue."""
        job = self._job(request)
        if not self.queue.cancel(job):
            raise HTTPException(409, f"this clip is {job.state} already; nothing is cancelled")
        return JSONResponse(self._shown(job), 202)

    async def again(self, request: Request) -> Response:
        """Predict a clip again."""
        job = self._job(request)
        if not self.queue.again(job):
            raise HTTPException(409, f"this clip is {job.state}; it can be done again afterwards")
        return JSONResponse(self._shown(job), 202)

    async def delete(self, request: Request) -> Response:
        """Delete clip and result."""
        await asyncio.to_thread(self.jobs.delete, self._job(request))
        return Response(status_code=204)

    async def result(self, request: Request) -> Response:
        """The result as a file."""
        job = self._done(request)
        name = request.query_params.get("format", "json")
        file = await asyncio.to_thread(lambda: export(self._result(job), name))
        ascii_name = re.sub(r"[^A-Za-z0-9._-]+", "_", file.name).lstrip(".") or "result"
        shown = f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(file.name)}"
        return Response(
            file.content, media_type=file.media_type, headers={"Content-Disposition": shown}
        )

    async def edits(self, request: Request) -> Response:
        """What a reader corrected in the page of a clip; null: nothing."""
        return JSONResponse(self.jobs.edits(self._done(request)))

    async def put_edits(self, request: Request) -> Response:
        """Keep what a reader corrected, and make the page anew with it."""
        job = self._done(request)
        declared = request.headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > MAX_EDITS:
            raise HTTPException(413, "the edits have more than 1 MB; no page has that many")
        content = b""
        async for piece in request.stream():
            content += piece
            if len(content) > MAX_EDITS:
                raise HTTPException(413, "the edits have more than 1 MB; no page has that many")
        return JSONResponse(await asyncio.to_thread(self._keep_edits, job, content))

    # --- several clips

    async def comparison(self, request: Request) -> Response:
        """Several clips beside each other."""
        ids = [key for key in request.query_params.get("ids", "").split(",") if key]
        if not ids:
            raise HTTPException(400, "name the clips: ids=ID,ID")
        found = [self._by_id(key) for key in dict.fromkeys(ids)]
        return await self._computed(comparison, found)

    async def evaluation(self, request: Request) -> Response:
        """A labelled batch, scored."""
        batch = request.query_params.get("batch", "")
        found = [job for job in self.jobs.all() if batch and job.batch == batch]
        if not found:
            raise HTTPException(404, f"there are no clips of a folder {batch!r}")
        facts = await self._facts()
        known = None if facts is None else facts.provenance
        return await self._computed(partial(evaluation, provenance=known), found)

    async def _computed(self, compute: Any, found: Sequence[Job]) -> Response:
        made = await asyncio.to_thread(lambda: compute([self._clip(job) for job in found]))
        return JSONResponse(made)

    # --- of one job

    def _clip(self, job: Job) -> Clip:
        result = self.jobs.result(job) if job.state == DONE else None
        edits = self.jobs.edits(job) if job.state == DONE else None
        return Clip(
            job.id, job.name, job.label, job.batch, job.state, result, edits, job.message,
            self.jobs.clip(job),
        )  # fmt: skip

    async def _facts(self) -> Facts | None:
        try:
            return await asyncio.to_thread(facts_of, self.settings.bundle)
        except EmoNetsError:
            return None  # each clip states it

    def _by_id(self, key: str) -> Job:
        job = self.jobs.get(key)
        if job is None:
            raise _gone()
        return job

    def _job(self, request: Request) -> Job:
        return self._by_id(request.path_params["id"])

    def _done(self, request: Request) -> Job:
        job = self._job(request)
        if job.state in OPEN:
            raise HTTPException(409, f"this clip is {job.state}; it has no result yet")
        if job.state != DONE:
            why = f": {job.message}" if job.message else ""
            raise HTTPException(409, f"this clip is {job.state} and has no result{why}")
        return job

    def _result(self, job: Job) -> Result:
        result = self.jobs.result(job)
        if result is None:
            raise _gone()
        return result

    def _page_text(self, job: Job) -> str:
        return (self.jobs.page(job) / "index.html").read_text("utf-8")

    def _keep_edits(self, job: Job, content: bytes) -> dict[str, Any]:
        result = self._result(job)
        edits = checked_edits(content, result)
        folder: Path = self.jobs.folder(job)
        with self.jobs.lock:
            if job.state != DONE or job.deleted:
                raise _gone()
            write_whole(folder / "edits.json", json.dumps(edits).encode())
            film = read_film(folder / "film.json")
            write_page(self.jobs.page(job), result, film, edits, key=job.id)
        self.jobs.changed()
        return edits

    def _shown(self, job: Job, outlook: Outlook | None = None) -> dict[str, Any]:
        before = self.queue.outlook() if outlook is None else outlook
        place, left = before.get(job.id, (None, None))
        return {
            "id": job.id, "name": job.name, "label": job.label, "batch": job.batch,
            "size": job.size, "created": job.created, "expires": self.jobs.expires(job),
            "state": job.state, "stage": job.stage, "done": job.done, "total": job.total,
            "seconds": job.seconds,
            "seconds_left": left, "place": place,
            "status": job.status, "message": job.message, "persons": job.persons,
            "no_voice": job.no_voice,
            "emotion": job.emotion,
            "page": f"/clips/{job.id}/" if job.state == DONE else None,
            "card": f"/clips/{job.id}/card.jpg" if "card.jpg" in job.files else None,
        }  # fmt: skip


def _gone() -> HTTPException:
    return HTTPException(
        404, "there is no such clip; it may have been deleted, by hand or after its time"
    )


__all__ = ["LONG_POLL", "MAX_EDITS", "Api"]
