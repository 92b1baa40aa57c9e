"""Train the network that compares a mouth's movement with the audio (`emonets.voices`).

    python tools/train_speakers.py --data ../shared/data --work DIR --out FILE.safetensors

DATA holds folders of clips in which one person speaks (`speakers_material.CORPORA`). A mouth that
goes with its own audio, moved by at most 0.1 s, is an example; so is every mouth with the audio of
another clip, or with its own moved by 0.4 to 1 s, and a listener's with any audio. Both parts are
altered. ``--leave "javanese 01,javanese 08"`` leaves groups out. GRID and CREMA-D are always left
out: they are for measuring.

It takes some minutes of one core. There are no further data, and no other weights but those of the
face detector and of the landmarks, which ship with the package.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from safetensors.numpy import save
from torch import nn

from emonets.runtime.files import write_whole
from emonets.voices.speakers_input import BANDS, PER_STEP, SHAPE
from emonets.voices.speakers_network import (
    DILATIONS,
    EMBEDDING,
    HIDDEN,
    SHIFTS,
    movement,
    shapes,
)
from speakers_material import Talk, noisy, talks_of

NETWORKS = 2
"""Networks that are averaged; they differ by chance alone."""
STEPS = 600
LENGTH = 56
"""Steps of an example, 2.2 s."""
MATCHED, LISTENERS, OTHERS = 24, 10, 5
"""Clips, listeners, and foreign mouths to each audio, in a batch."""
OFFSET = 2.6
"""Steps by which the audio of an example is moved at most."""
MEASURED = ("grid", "crema_d")
Floats = NDArray[np.float32]


class Network(nn.Module):
    """As `emonets.voices.speakers_network.SpeakersNetwork`, for torch."""

    def __init__(self, drop: float = 0.2) -> None:
        super().__init__()
        wide = range(len(DILATIONS))
        self.layers = nn.ModuleDict({
            "mouth0": nn.Conv1d(SHAPE + 1, HIDDEN, 5, padding=2),
            "mouth1": nn.Conv1d(HIDDEN, EMBEDDING, 5, padding=2),
            "audio0": nn.Conv1d(BANDS, HIDDEN, 5, padding=2),
            "audio1": nn.Conv1d(HIDDEN, HIDDEN, PER_STEP, stride=PER_STEP),
            "audio2": nn.Conv1d(HIDDEN, EMBEDDING, 5, padding=2),
            "joined": nn.Conv1d(2 * EMBEDDING + SHIFTS, HIDDEN, 1),
            **{f"block{k}": nn.Conv1d(HIDDEN, HIDDEN, 5, padding=2 * DILATIONS[k],
                                      dilation=DILATIONS[k]) for k in wide},
            **{f"back{k}": nn.Conv1d(HIDDEN, HIDDEN, 1) for k in wide},
            "score": nn.Conv1d(HIDDEN, 1, 1),
        })  # fmt: skip
        self.drop = nn.Dropout(drop)

    def mouth(self, moved: Any) -> Any:
        """(n, T, 9) → (n, 24, T)."""
        return self.layers["mouth1"](F.relu(self.layers["mouth0"](moved.transpose(1, 2))))

    def audio(self, bands: Any) -> Any:
        """(n, 4 T, 24) → (n, 24, T)."""
        x = F.relu(self.layers["audio0"](bands.transpose(1, 2)))
        return self.layers["audio2"](F.relu(self.layers["audio1"](x)))

    def score(self, mouth: Any, audio: Any) -> Any:
        """(n, 24, T) twice → (n, T)."""

        def unit(x: Any) -> Any:
            return x / (x.pow(2).sum(1, keepdim=True) + 1).sqrt()

        steps, half = mouth.shape[2], SHIFTS // 2
        a, b = unit(mouth), F.pad(unit(audio), (half, half))
        products = torch.stack([(a * b[:, :, k : k + steps]).sum(1) for k in range(SHIFTS)], 1)
        x = torch.cat([F.relu(mouth), F.relu(audio), 3 * products], 1)
        x = F.relu(self.layers["joined"](self.drop(x)))
        for k in range(len(DILATIONS)):
            x = x + self.layers[f"back{k}"](F.relu(self.layers[f"block{k}"](self.drop(x))))
        return self.layers["score"](F.relu(x))[:, 0]

    def arrays(self) -> dict[str, NDArray[np.float16]]:
        """As `SpeakersNetwork` takes them."""
        out = {}
        for name, shape in shapes().items():
            layer, _, kind = name.rpartition(".")
            tensor = getattr(self.layers[layer.replace(".", "")], kind)
            out[name] = tensor.detach().numpy().astype(np.float16).reshape(shape)
        return out


class Batches:
    """Draws examples from clips."""

    def __init__(self, talks: list[Talk], seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.talks = talks
        self.silent = [talk for talk in talks if talk.pauses(0)]

    def draw(self) -> tuple[Any, Any, Any]:
        """Mouths (m, T, 9) with listeners last, bands (b, 4 T, 24), speech (b, T)."""
        rng, mouths, bands, speech = self.rng, [], [], []
        for number in rng.choice(len(self.talks), MATCHED, replace=False):
            talk = self.talks[number]
            view = rng.integers(len(talk.mouths))
            whole = talk.mouths[view]
            begin = rng.integers(max(1, len(whole) - LENGTH + 1))
            part = whole[begin : begin + LENGTH]
            part = np.concatenate([part, np.repeat(part[-1:], LENGTH - len(part), 0)])
            mouths.append(self.moved(part))
            first, shift = talk.firsts[view] + int(begin), rng.uniform(-OFFSET, OFFSET)
            other = self.talks[rng.integers(len(self.talks))]
            foreign = other.decibels(0, int(rng.integers(20)), LENGTH)
            own = noisy(talk.decibels(shift, first, LENGTH), rng, foreign)
            loud = np.percentile(own.mean(axis=1), 90) - rng.normal(0, 2)
            bands.append(np.clip((own - loud) / 20, -3, 1.5).astype(np.float32))
            speech.append(talk.speech_at(first - round(shift), LENGTH))
        while len(mouths) < MATCHED + LISTENERS:
            talk = self.silent[rng.integers(len(self.silent))]
            view = int(rng.integers(len(talk.mouths)))
            still = talk.mouths[view][rng.integers(len(talk.mouths[view]))]
            listener = talk.listener(view, LENGTH, rng)
            if rng.random() < 0.12:
                mouths.append(self.moved(np.repeat(still[None], LENGTH, 0)))
            elif listener is not None:
                mouths.append(self.moved(listener))
        return tuple(torch.from_numpy(np.stack(x).astype(np.float32))
                     for x in (mouths, bands, speech))  # fmt: skip

    def moved(self, mouths: Floats) -> Floats:
        """Movement of shapes (T, 8), larger or smaller, and with noise."""
        rng = self.rng
        x = movement(mouths) * np.exp(rng.normal(0, 0.25))
        return np.asarray(x + rng.normal(0, rng.choice([0, 0.1, 0.25]), x.shape), np.float32)


def loss_of(network: Network, batches: Batches) -> tuple[Any, list[float]]:
    """Of one batch; its parts, and the share of audio whose own mouth scores best among six."""
    rng, b = batches.rng, MATCHED
    moved, bands, speech = batches.draw()
    mouth, audio = network.mouth(moved), network.audio(bands)
    own = np.arange(b)
    foreign = np.concatenate([(own + rng.integers(1, b, b)) % b for _ in range(OTHERS)])
    listening, heard = np.repeat(np.arange(b, b + LISTENERS), 3), rng.integers(0, b, 3 * LISTENERS)
    faces = np.concatenate([own, foreign, listening])
    sounds = np.concatenate([own, np.tile(own, OTHERS), heard])
    scores, weight = network.score(mouth[faces], audio[sounds]), speech[sounds]

    def mean(values: Any, weights: Any) -> Any:
        return (values * weights).sum() / weights.sum().clamp(min=1)

    far = int(rng.integers(10, 26)) * (1 if rng.random() < 0.5 else -1)
    apart = network.score(mouth[:b], torch.roll(audio, far, 2))
    each = (scores * weight).sum(1) / weight.sum(1).clamp(min=1)
    rivals = torch.cat([each[:b, None], each[b : b * (1 + OTHERS)].view(OTHERS, b).T], 1)
    end = b * (1 + OTHERS)
    parts = [
        mean(F.softplus(-scores[:b]), weight[:b]),
        0.5 * mean(F.softplus(scores[b:end]), weight[b:end]),
        0.7 * mean(F.softplus(scores[end:]), weight[end:]),
        0.3 * mean(F.softplus(apart), torch.roll(speech, far, 1)),
        0.7 * F.cross_entropy(2 * rivals, torch.zeros(b, dtype=torch.long)),
    ]
    best = float((rivals.argmax(1) == 0).float().mean())
    return torch.stack(parts).sum(), [*(part.item() for part in parts), best]


def train(talks: list[Talk], *, steps: int = STEPS) -> dict[str, NDArray[np.float16]]:
    """The weights of networks that learned from these clips, as `SpeakersNetwork` takes them."""
    return {
        f"{k}.{name}": array
        for k in range(NETWORKS)
        for name, array in train_one(talks, steps=steps, seed=k).items()
    }


def train_one(talks: list[Talk], *, steps: int, seed: int) -> dict[str, NDArray[np.float16]]:
    """The weights of one network."""
    torch.manual_seed(seed)
    batches, network = Batches(talks, seed), Network()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 4e-3, total_steps=steps, pct_start=0.15
    )
    began, log = time.perf_counter(), []
    for step in range(1, steps + 1):
        loss, parts = loss_of(network, batches)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        schedule.step()
        log.append(parts)
        if step % 50 == 0:
            print(f"{step:5d}  {time.perf_counter() - began:5.0f} s ",
                  *np.round(np.mean(log[-50:], axis=0), 3), flush=True)  # fmt: skip
    return network.arrays()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--leave", default="", help="groups that are left out, with commas")
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    leave = tuple(x.strip() for x in options.leave.split(",") if x.strip()) + MEASURED
    talks = [
        talk for talk in talks_of(options.data, options.work) if not talk.group.startswith(leave)
    ]
    print(len(talks), "clips of", ", ".join(sorted({talk.group for talk in talks})), flush=True)
    write_whole(options.out, save(train(talks, steps=options.steps)))


if __name__ == "__main__":
    main()
