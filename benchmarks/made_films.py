"""Films made of others, whose persons are known in each frame: for ``who_is_who.py``.

A film is a list of pictures and, for each, the places of its faces: centre, size and person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.media.clip import Frame, open_clip
from emonets.tubes.detect import CenterFace

FPS = 15
SECONDS = 4.0
SIZE = 640, 360
Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Face:
    """Where a face is, pixels, and whose."""

    x: float
    y: float
    side: float
    person: str


@dataclass(frozen=True)
class Take:
    """Pictures of one person, and the square of the face in them."""

    person: str
    pictures: list[Picture]
    box: NDArray[np.float64]

    def at(self, i: int) -> Picture:
        """Picture i, forwards and backwards for ever."""
        n = len(self.pictures)
        k = i % max(2 * n - 2, 1)
        return self.pictures[k if k < n else 2 * n - 2 - k]


@dataclass(frozen=True)
class Film:
    """Pictures, and the faces in each; None where two overlap so much that neither is clear."""

    kind: str
    pictures: list[Picture]
    faces: list[list[Face] | None]

    def frames(self) -> Iterator[Frame]:
        for i, picture in enumerate(self.pictures):
            yield Frame(i, i / FPS, picture)

    def decode(self, **_: bool) -> Iterator[Frame]:
        return self.frames()


def take_of(path: Path, person: str, *, most: int = 45) -> Take | None:
    """A film as a take, or None if no face is found in most of it."""
    pictures, boxes, due = [], [], 0.0
    detector = CenterFace()
    for frame in open_clip(path).frames():
        if frame.time < due or frame.image.mean() < 8:
            continue
        due = frame.time + 1 / FPS - 1e-3
        pictures.append(frame.image)
        if len(pictures) % 5 == 1 and len(found := detector.detect(frame.image)):
            boxes.append(found.boxes[0])
        if len(pictures) == most:
            break
    if len(boxes) < 2:
        return None
    return Take(person, pictures, np.median(boxes, axis=0).astype(np.float64))


def still_of(picture: Picture, person: str, rng: np.random.Generator) -> Take:
    """A photograph of a face (S, S, 3) as a take: it moves, turns and changes in size a little."""
    side = 240
    phase, speed = rng.uniform(0, 6.28, 4), rng.uniform(0.05, 0.2, 4)
    pictures = []
    for i in range(45):
        a, b, c, d = np.sin(phase + speed * i)
        m = cv2.getRotationMatrix2D((48, 48), 4 * a, side / 130 * (1 + 0.06 * b))
        m[:, 2] += side / 2 - 48 + 8 * np.array([c, d])
        made = cv2.warpAffine(picture, m, (side, side), borderMode=cv2.BORDER_REPLICATE)
        noise = rng.integers(-4, 5, made.shape)
        pictures.append(np.clip(made + noise, 0, 255).astype(np.uint8))
    found = CenterFace().detect(pictures[0])
    box = found.boxes[0] if len(found) else np.array([40, 40, 200, 200])
    return Take(person, pictures, box.astype(np.float64))


def fitted(take: Take, i: int, width: int, height: int) -> tuple[Picture, Face]:
    """A picture of a take that fills a tile, and the face in it."""
    picture = take.at(i)
    h, w = picture.shape[:2]
    scale = max(width / w, height / h)
    cx, cy = (take.box[:2] + take.box[2:]) / 2
    x = float(np.clip(cx - width / scale / 2, 0, w - width / scale))
    y = float(np.clip(cy - 0.45 * height / scale, 0, h - height / scale))
    m = np.array([[scale, 0, -x * scale], [0, scale, -y * scale]])
    out = cv2.warpAffine(picture, m, (width, height), flags=cv2.INTER_AREA)
    side = (take.box[2] - take.box[0]) * scale
    return np.asarray(out, np.uint8), Face((cx - x) * scale, (cy - y) * scale, side, take.person)


def background(rng: np.random.Generator) -> Picture:
    small = rng.integers(20, 235, (rng.integers(2, 6), rng.integers(2, 8), 3)).astype(np.uint8)
    return np.asarray(cv2.resize(small, SIZE, interpolation=cv2.INTER_CUBIC))


def changes(rng: np.random.Generator, n: int, low: float, high: float) -> list[int]:
    """Frames, rising from 0, at which something changes, ``low`` to ``high`` seconds apart."""
    out = [0]
    while out[-1] < n:
        out.append(out[-1] + max(2, round(FPS * rng.uniform(low, high))))
    return out[:-1]


def tiles(
    kind: str, rng: np.random.Generator, cast: Sequence[Take],
    places: Sequence[tuple[int, int, int, int]], low: float, high: float, fade: bool = False,
) -> Film:  # fmt: skip
    """Tiles (x, y, width, height), each of which changes from one person to another."""
    n, ground = round(FPS * SECONDS), background(rng)
    plan = []
    for place in places:
        begins = changes(rng, n, low, high)
        begins = [begins[0], *(b + int(rng.integers(0, 8)) for b in begins[1:])]
        plan.append((place, begins, [int(k) for k in rng.permutation(len(cast))]))
    pictures, faces = [], []
    for i in range(n):
        picture, here, doubtful = ground.copy(), [], False
        for t, ((x, y, w, h), begins, order) in enumerate(plan):
            step = sum(b <= i for b in begins) - 1
            # persons of different tiles differ: each tile has its own share of the cast
            own = order_of(len(cast), len(plan), t, order)
            take = cast[own[step % len(own)]]
            part, face = fitted(take, i + 7 * t, w, h)
            since = i - begins[step]
            if fade and step and since < 4:
                before, _ = fitted(cast[own[(step - 1) % len(own)]], i + 7 * t, w, h)
                share = (since + 1) / 5
                part = cv2.addWeighted(part, share, before, 1 - share, 0)
                doubtful = True
            picture[y : y + h, x : x + w] = part
            here.append(Face(face.x + x, face.y + y, face.side, face.person))
        pictures.append(picture)
        faces.append(None if doubtful else here)
    return Film(kind, pictures, faces)


def order_of(cast: int, plan: int, tile: int, order: Sequence[int]) -> list[int]:
    return [k for k in sorted(order) if k % plan == tile]


def gallery(rng: np.random.Generator, cast: Sequence[Take]) -> Film:
    w, h = 300, 170
    places = [
        (10 + 320 * (k % 2), 6 + 180 * (k // 2), w, h) for k in range(int(rng.integers(2, 5)))
    ]
    return tiles("gallery", rng, cast, places, 0.8, 2.5)


def side_by_side(rng: np.random.Generator, cast: Sequence[Take]) -> Film:
    return tiles("side by side", rng, cast, [(0, 0, 320, 360), (320, 0, 320, 360)], 0.8, 2.0)


def speaker_view(rng: np.random.Generator, cast: Sequence[Take]) -> Film:
    share = rng.uniform(0.03, 0.33)
    w = int(np.sqrt(share) * SIZE[0])
    h = int(np.sqrt(share) * SIZE[1])
    x, y = (int(rng.integers(0, a - b)) for a, b in zip(SIZE, (w, h), strict=True))
    fade = bool(rng.random() < 0.2)
    kind = "speaker view, faded" if fade else "speaker view"
    return tiles(kind, rng, cast[:3], [(x, y, w, h)], 0.8 if fade else 0.4, 1.6, fade)


def put_head(picture: Picture, take: Take, i: int, x: float, y: float, side: float) -> None:
    """Paint a head, cut out softly, with its face's square around (x, y)."""
    reach = 1.5
    cx, cy = (take.box[:2] + take.box[2:]) / 2
    scale = side / (take.box[2] - take.box[0])
    n = round(side * reach)
    m = np.array([[scale, 0, n / 2 - cx * scale], [0, scale, n / 2 - cy * scale]])
    head = cv2.warpAffine(take.at(i), m, (n, n), borderMode=cv2.BORDER_REPLICATE)
    down, across = np.indices((n, n)) / n - 0.5
    far = np.sqrt((across / 0.42) ** 2 + (down / 0.48) ** 2)
    alpha = np.clip((1.0 - far) / 0.12, 0, 1)[..., None]
    x0, y0 = round(x - n / 2), round(y - n / 2)
    a, b = max(0, -x0), max(0, -y0)
    c, d = min(n, picture.shape[1] - x0), min(n, picture.shape[0] - y0)
    if c <= a or d <= b:
        return
    part = picture[y0 + b : y0 + d, x0 + a : x0 + c]
    own = alpha[b:d, a:c]
    part[:] = (own * head[b:d, a:c] + (1 - own) * part).astype(np.uint8)


def crossing(rng: np.random.Generator, cast: Sequence[Take]) -> Film:
    """Two people walk past each other; one is in front."""
    n, ground = round(FPS * SECONDS), background(rng)
    side = rng.uniform(90, 150, 2)
    y = rng.uniform(120, 220, 2)
    swing = rng.uniform(150, 260)
    turn = rng.uniform(1.5, SECONDS - 1.0)  # seconds to cross
    pictures, faces = [], []
    for i in range(n):
        s = swing * np.cos(np.pi * (i / FPS) / turn)
        x = np.array([320 - s, 320 + s])
        picture = ground.copy()
        here = []
        for k in range(2):
            put_head(picture, cast[k], i, x[k], y[k], side[k])
            here.append(Face(x[k], y[k], side[k], cast[k].person))
        near = np.hypot(x[0] - x[1], y[0] - y[1]) < 0.6 * side.mean()
        pictures.append(picture)
        faces.append(None if near else here)
    return Film("crossing", pictures, faces)


def chair(rng: np.random.Generator, cast: Sequence[Take]) -> Film:
    """One person leaves a chair and another takes it, with up to 0.4 s between them or none."""
    n, ground = round(FPS * SECONDS), background(rng)
    side, x, y = rng.uniform(90, 160), rng.uniform(200, 440), rng.uniform(140, 220)
    begins = changes(rng, n, 1.0, 2.0)
    gap = int(rng.integers(0, 7))
    way = rng.uniform(-1, 1, 2) * [300, 60]
    pictures, faces = [], []
    for i in range(n):
        step = sum(b <= i for b in begins) - 1
        since = i - begins[step]
        take = cast[step % len(cast)]
        picture = ground.copy()
        here = []
        if not step or since >= gap:
            # comes quickly from one side
            rest = max(0.0, 1 - (since - gap) / 5) if step and gap else 0.0
            place = np.array([x, y]) + rest * way
            put_head(picture, take, i, place[0], place[1], side)
            here = [Face(place[0], place[1], side, take.person)]
        pictures.append(picture)
        faces.append(here)
    return Film("chair taken", pictures, faces)


def returns(rng: np.random.Generator, cast: Sequence[Take]) -> Film:
    """Cuts between people who come back, at other sizes, and pictures whose size changes."""
    n = round(FPS * SECONDS)
    begins = changes(rng, n, 0.5, 1.2)
    sizes = [SIZE, (480, 270), (320, 180)]
    size = SIZE
    pictures, faces = [], []
    zoom, who = 1.0, 0
    for i in range(n):
        if i in begins:
            zoom = float(rng.uniform(0.45, 1.0))
            who = int(rng.integers(len(cast)))
            ground = background(rng)
            x, y = rng.uniform(0.25, 0.75), rng.uniform(0.4, 0.6)
        if rng.random() < 0.03:
            size = sizes[int(rng.integers(3))]
        w, h = round(SIZE[0] * zoom), round(SIZE[1] * zoom)
        part, face = fitted(cast[who], i, w, h)
        x0, y0 = round(x * (SIZE[0] - w)), round(y * (SIZE[1] - h))
        picture = ground.copy()
        picture[y0 : y0 + h, x0 : x0 + w] = part
        s = size[0] / SIZE[0]
        pictures.append(np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA)))
        faces.append([Face((face.x + x0) * s, (face.y + y0) * s, face.side * s, face.person)])
    return Film("cuts, returns, sizes", pictures, faces)


KINDS: tuple[Callable[[np.random.Generator, Sequence[Take]], Film], ...] = (
    gallery, side_by_side, speaker_view, crossing, chair, returns,
)  # fmt: skip


def films(
    takes: Sequence[Take], count: int, seed: int, kinds: Sequence[int] = range(len(KINDS))
) -> Iterator[Film]:
    """``count`` films, the kinds in turn, each with a cast of its own of at most four persons."""
    people = sorted({take.person for take in takes})
    for k in range(count):
        rng = np.random.default_rng((seed, k))
        make = KINDS[kinds[k % len(kinds)]]
        least = 4 if make in (gallery, side_by_side) else 2
        many = min(len(people), max(least, int(rng.integers(2, 5))))
        chosen = [people[int(j)] for j in rng.permutation(len(people))[:many]]
        own = [[t for t in takes if t.person == person] for person in chosen]
        yield make(rng, [ts[int(rng.integers(len(ts)))] for ts in own])
