"""The live endpoint gives the numbers of a session, and a sentence for what is wrong."""

from __future__ import annotations

import json
import re
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
import pytest
from live_server import TOKEN, live_server

from emonets import Result, Session
from emonets.app.live import Live, LiveLimits
from emonets.app.live_messages import (
    MOST_BYTES,
    Start,
    Stop,
    frame_message,
    part_of_client,
    sound_message,
    text_of_client,
)
from emonets.emotions import EMOTIONS
from emonets.errors import ParameterError
from media_files import tone
from quick_model import LEFT, one_face, quick_model, scene

client = pytest.importorskip("websockets.sync.client", reason="the extra serve is not installed")
LIMITS = LiveLimits(seconds=60.0, silence=20.0, start=20.0, ahead=30.0)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Live, int]]:
    with live_server(quick_model, options={"detector": one_face}, limits=LIMITS) as made:
        yield made


class Tab:
    """A client, as the page is one."""

    def __init__(self, port: int) -> None:
        self._opened = client.connect(
            f"ws://127.0.0.1:{port}/api/live", max_size=None,
            additional_headers={"Authorization": f"Bearer {TOKEN}"},
        )  # fmt: skip

    def __enter__(self) -> Tab:
        self.socket = self._opened.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._opened.__exit__(*error)

    def send(self, content: Any) -> None:
        self.socket.send(content if isinstance(content, str | bytes) else json.dumps(content))

    def next(self) -> dict[str, Any]:
        return json.loads(self.socket.recv(timeout=30))

    def until(self, kind: str) -> dict[str, Any]:
        while (message := self.next())["type"] != kind:
            assert message["type"] == "update", message
        return message

    def start(self, **options: Any) -> dict[str, Any]:
        self.send({"type": "start", **options})
        return self.until("ready")

    def closed(self) -> int:
        with pytest.raises(Exception, match="received"):
            self.socket.recv(timeout=30)
        return self.socket.close_code


def rgba(image: Any) -> Any:
    return np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])


def settled(live: Live) -> None:
    """All sessions are closed, and their threads have ended."""
    end = monotonic() + 20
    while live.open or any(own.name.startswith("live ") for own in threading.enumerate()):
        assert monotonic() < end
        sleep(0.01)


def test_the_numbers_of_a_session(server: tuple[Live, int]) -> None:
    live, port = server
    images = [scene(100 + 5 * i) for i in range(12)]
    with Session(quick_model(), window=1.0, detector=one_face) as made:
        for i, image in enumerate(images):
            made.push_sound(tone(0.1), 50 + i / 10, rate=48_000)
            made.push_frame(image, 50 + i / 10)
        now = made.now(wait=True)
        expected = made.finish()
    with Tab(port) as tab:
        ready = tab.start(window=1.0, rate=48_000)
        assert (ready["emotions"], ready["specialists"]) == (list(EMOTIONS), ["face", "audio"])
        for i, image in enumerate(images):
            tab.send(sound_message(i, 50 + i / 10, tone(0.1)))
            tab.send(frame_message(i, 50 + i / 10, rgba(image)))
            update = tab.until("update")  # one a frame
            assert update["number"] == i
        tab.send({"type": "stop"})
        message = tab.until("result")
        assert tab.closed() == 1000
    assert (update["time"], update["frames"], update["dropped"]) == (51.1, 12, 0)
    assert 0 <= update["age"] < 30
    (person,) = update["persons"]
    assert person["person"] == now.persons[0].track
    assert person["box"] == pytest.approx(now.persons[0].box, abs=0.05)
    assert person["box"] == pytest.approx(LEFT, abs=8)
    assert person["label"] == now.persons[0].label
    got = Result.from_json(json.dumps(message["result"]))
    name = got.files[0].file
    assert name.startswith("live 20")
    assert got.to_json().replace(name, "stream") == expected.to_json()
    assert message["csv"] == got.to_csv()
    assert message["page"].startswith("<!doctype html>")
    assert message["note"] == ""
    settled(live)


def test_each_answer_is_that_of_the_session(server: tuple[Live, int]) -> None:
    """Without sound: an answer about the voice comes at its own time."""
    _, port = server
    with Session(quick_model(), window=2.0, detector=one_face) as made, Tab(port) as tab:
        tab.start(window=2.0)
        for i in range(8):
            image = scene(20 + 30 * i)
            made.push_frame(image, i / 10)
            tab.send(frame_message(i, i / 10, rgba(image)))
            persons = tab.until("update")["persons"]
            assert [own["probabilities"] for own in persons] == [
                list(own.probabilities) for own in made.now().persons
            ]
        assert persons


def test_only_the_newest_frame_is_examined(server: tuple[Live, int]) -> None:
    """Frames that wait are dropped, all but the newest; so are those that never came."""
    live, _ = server
    go, held = threading.Semaphore(0), threading.Event()

    def slow(image: Any) -> list[tuple[float, ...]]:
        held.set()
        assert go.acquire(timeout=30)
        return [LEFT]

    own = {"detector": slow}
    with live_server(quick_model, options=own, limits=LIMITS) as (_, other), Tab(other) as tab:
        tab.start()
        tab.send(frame_message(10, 1.0, rgba(scene())))
        assert held.wait(30)
        for i in (11, 12, 15):
            tab.send(frame_message(i, i / 10, rgba(scene())))
        sleep(0.3)  # the last must be there before the first is done
        go.release()
        first = tab.until("update")
        go.release()
        second = tab.until("update")
        assert (first["number"], first["frames"], first["dropped"]) == (10, 1, 0)
        assert (second["number"], second["frames"], second["dropped"]) == (15, 2, 4)
        tab.send({"type": "stop"})
        (status,) = tab.until("result")["result"]["files"]
        assert "4 frames were dropped" in status["message"]
    settled(live)


def test_sound_alone(server: tuple[Live, int]) -> None:
    live, port = server
    with Tab(port) as tab:
        tab.start(window=2.0, rate=16_000)
        for i in range(30):
            tab.send(sound_message(i, i / 10, tone(0.1, 16_000)))
            sleep(0.01)
        update = tab.until("update")
        assert (update["number"], update["age"], update["persons"]) == (None, None, [])
        assert update["voice"]["label"] == "angry"
        tab.send({"type": "stop"})
        rows = tab.until("result")["result"]["rows"]
        assert {row["model"] for row in rows} == {"audio"}
        assert max(row["end"] for row in rows) == pytest.approx(3.0, abs=0.01)
    settled(live)


def test_frames_alone_and_no_face_in_them(server: tuple[Live, int]) -> None:
    own = {"detector": lambda image: []}
    with live_server(quick_model, options=own, limits=LIMITS) as (live, port), Tab(port) as tab:
        tab.start()
        for i in range(3):
            tab.send(frame_message(i, i / 10, rgba(scene())))
            update = tab.until("update")
            assert (update["persons"], update["voice"]) == ([], None)
        tab.send({"type": "stop"})
        assert tab.until("result")["result"]["files"][0]["status"] == "no face"
    settled(live)


def test_uncertain_is_marked(server: tuple[Live, int]) -> None:
    _, port = server
    with Tab(port) as tab:
        tab.start()
        for i in range(4):
            tab.send(frame_message(i, i / 10, rgba(scene(127))))  # as happy as sad
            update = tab.until("update")
        (person,) = update["persons"]
        assert max(person["probabilities"]) == pytest.approx(0.45, abs=0.1)
        assert person["uncertain"] == (max(person["probabilities"]) < 0.4)


HEAD = struct.Struct("<B3sId")
GOOD = frame_message(1, 0.0, rgba(scene()))
WRONG: dict[str, tuple[Any, str]] = {
    "not JSON": ("{", "the text message is not known"),
    "not an object": ("[1]", "the text message is not known"),
    "deep": ("[" * 900, "the text message is not known"),
    "long": (" " * 1001, "1001 characters, 1000 are allowed"),
    "unknown": ({"type": "go"}, "the text message is not known"),
    "started": ({"type": "start"}, "has started already"),
    "stop with more": ({"type": "stop", "now": 1}, "stop: it has the unknown key 'now'"),
    "empty": (b"", "0 bytes; its head alone has 16"),
    "short": (GOOD[:15], "15 bytes; its head alone has 16"),
    "kind": (HEAD.pack(3, b"", 1, 0.0), "begins with 03000000"),
    "zeros": (HEAD.pack(1, b"\1", 1, 0.0), "begins with 01010000"),
    "no time": (HEAD.pack(1, b"", 7, float("nan")) + GOOD[16:], "frame 7: its time must be"),
    "endless time": (HEAD.pack(2, b"", 7, float("inf")), "sound 7: its time must be"),
    "no size": (GOOD[:18], "frame 1: it has no width and height"),
    "no pixels": (GOOD[:16] + struct.pack("<HH", 0, 0), "0 x 0 pixels; send 16 x 16"),
    "thin": (GOOD[:16] + struct.pack("<HH", 640, 8) + bytes(4 * 640 * 8), "640 x 8 pixels"),
    "wide": (GOOD[:16] + struct.pack("<HH", 641, 16) + bytes(4 * 641 * 16), "641 x 16 pixels"),
    "large": (GOOD[:16] + struct.pack("<HH", 640, 481) + bytes(9), "640 x 481 pixels"),
    "cut": (GOOD[:-1], "bytes of pixels; 96 x 48 pixels of RGBA have 18432"),
    "more": (GOOD + b"\0", "bytes of pixels; 96 x 48 pixels of RGBA have 18432"),
    "odd sound": (HEAD.pack(2, b"", 1, 0.0) + b"123", "sound 1: it has 3 bytes"),
    "no sound": (HEAD.pack(2, b"", 1, 0.0), "sound 1: it has 0 bytes"),
    "long sound": (HEAD.pack(2, b"", 1, 0.0) + bytes(4 * 16_001), "64004 bytes"),
    "the same number": (GOOD, "frame 1: its number is not after 1"),
    "the same time": (frame_message(2, 0.0, rgba(scene())), "is not after that of the frame"),
    "far ahead": (frame_message(2, 1e9, rgba(scene())), "1e+09 s ahead of the clock"),
    "far ahead, sound": (sound_message(2, 90.0, tone(0.1)), "ahead of the clock"),
    "sound goes back": (sound_message(2, -9.0, tone(0.1)), "before that of the sound before"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_message_ends_its_session_with_a_sentence(
    server: tuple[Live, int], name: str
) -> None:
    live, port = server
    message, sentence = WRONG[name]
    with Tab(port) as other, Tab(port) as tab:
        other.start(rate=16_000)
        tab.start(rate=16_000)
        tab.send(sound_message(0, -0.2, tone(0.2, 16_000)))
        tab.send(frame_message(0, -0.05, rgba(scene())))
        tab.send(GOOD)
        while tab.until("update")["number"] != 1:
            pass
        tab.send(message)
        while (got := tab.next())["type"] == "update":
            pass
        assert got["type"] == "error"
        assert sentence in got["error"]
        assert tab.closed() == 1008
        other.send(GOOD)  # the other one goes on
        assert other.until("update")["number"] == 1
    settled(live)


STARTS: dict[str, tuple[Any, str]] = {
    "stop first": ({"type": "stop"}, "the first message must be"),
    "a frame first": (GOOD, "the first message must be"),
    "window": ({"type": "start", "window": 0.5}, "window must be 1 to 60 seconds, got 0.5"),
    "no window": ('{"type": "start", "window": NaN}', "window must be 1 to 60 seconds, got nan"),
    "a true window": ({"type": "start", "window": True}, "got True"),
    "rate": ({"type": "start", "rate": 7}, "start: rate"),
    "a rate of text": ({"type": "start", "rate": "48000"}, "start: rate"),
    "unknown key": ({"type": "start", "path": "/etc"}, "start: it has the unknown key 'path'"),
}


@pytest.mark.parametrize("name", STARTS)
def test_a_wrong_start(server: tuple[Live, int], name: str) -> None:
    live, port = server
    message, sentence = STARTS[name]
    with Tab(port) as tab:
        tab.send(message)
        got = tab.next()
        assert got["type"] == "error"
        assert sentence in got["error"]
        assert tab.closed() == 1008
    settled(live)


def test_sound_needs_a_rate(server: tuple[Live, int]) -> None:
    with Tab(server[1]) as tab:
        tab.start()
        tab.send(sound_message(0, 0.0, tone(0.1)))
        assert "without a rate of sound" in tab.next()["error"]


def test_two_sessions_and_no_more(server: tuple[Live, int]) -> None:
    live, port = server
    with Tab(port) as one, Tab(port) as two:
        one.start()
        two.start()
        with Tab(port) as three:
            assert "2 live sessions are open" in three.next()["error"]
            assert three.closed() == 1013
        one.send({"type": "stop"})
        # nothing was pushed: a sentence, and no result
        assert "nothing was pushed" in one.next()["error"]
        one.closed()
        end = monotonic() + 20
        while live.open > 1:
            assert monotonic() < end
            sleep(0.01)
        with Tab(port) as three:
            assert three.start()["type"] == "ready"
    settled(live)


@pytest.mark.parametrize("politely", [True, False])
def test_a_tab_that_closes_midway_ends_its_session(
    server: tuple[Live, int], politely: bool
) -> None:
    live, port = server
    with Tab(port) as tab:
        tab.start(rate=48_000)
        tab.send(sound_message(0, 0.0, tone(0.1)))
        tab.send(frame_message(0, 0.0, rgba(scene())))
        tab.until("update")
        if politely:
            tab.socket.close()
        else:
            tab.socket.socket.shutdown(2)
        settled(live)


def test_a_message_that_is_too_long_ends_the_session(server: tuple[Live, int]) -> None:
    live, port = server
    with Tab(port) as tab:
        tab.start()
        tab.send(bytes(MOST_BYTES + 1_000_000))
        assert tab.closed() == 1009
    settled(live)


def test_an_end_by_the_clock_has_a_result() -> None:
    limits = LiveLimits(seconds=0.5)
    own = {"detector": one_face}
    with live_server(quick_model, options=own, limits=limits) as (live, port), Tab(port) as tab:
        tab.start()
        for i in range(200):
            tab.send(frame_message(i, i / 50, rgba(scene())))
            if tab.next()["type"] == "result":
                break
            sleep(0.02)
        else:
            pytest.fail("it did not end")
        settled(live)


def test_silence_ends_a_session() -> None:
    limits = LiveLimits(silence=0.4, start=0.4)
    own = {"detector": one_face}
    with live_server(quick_model, options=own, limits=limits) as (live, port):
        with Tab(port) as tab:
            assert tab.next()["error"] == "nothing came for 0.4 s"
            assert tab.closed() == 1008
        with Tab(port) as tab:
            tab.start()
            assert "nothing was pushed" in tab.next()["error"]
        with Tab(port) as tab:
            tab.start()
            tab.send(GOOD)
            assert tab.until("result")["note"] == "Nothing came for 0.4 s."
        settled(live)


def test_a_fault_of_ours_is_one_sentence_and_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(image: Any) -> Any:
        raise RuntimeError("secret")

    own = {"detector": broken}
    with live_server(quick_model, options=own) as (live, port), Tab(port) as tab:
        tab.start()
        tab.send(GOOD)
        got = tab.next()
        assert "fault of EmoNets" in got["error"]
        assert "secret" not in got["error"]
        assert tab.closed() == 1011
        settled(live)
    assert "secret" in caplog.text


def test_messages_are_checked_without_a_server() -> None:
    assert text_of_client('{"type": "start"}') == Start(5.0, None)
    assert text_of_client('{"type":"start","window":2,"rate":44100}') == Start(2.0, 44_100)
    assert text_of_client('{"type":"stop"}') == Stop()
    part = part_of_client(GOOD, None)
    assert part.image is not None
    assert (part.image[..., :3] == scene()).all()
    rng = np.random.default_rng(0)
    for size in (0, 3, 16, 20, 40, 2000):
        for _ in range(50):
            data = rng.integers(0, 256, size).astype(np.uint8).tobytes()
            with pytest.raises(ParameterError):
                part_of_client(data, None)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer of-another"},
        {"Authorization": f"Bearer {TOKEN}", "Origin": "http://evil.example"},
    ],
)
def test_only_who_has_the_token_gets_in(server: tuple[Live, int], headers: dict[str, str]) -> None:
    live, port = server
    address = f"ws://127.0.0.1:{port}/api/live"
    with (
        pytest.raises(Exception, match="HTTP 403"),
        client.connect(address, additional_headers=headers),
    ):
        pass
    assert live.open == 0


def test_the_example_of_the_docs(server: tuple[Live, int]) -> None:
    text = (Path(__file__).parents[2] / "docs" / "howto" / "live.md").read_text("utf-8")
    (code,) = re.findall(r"```python[^\n]*\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    names.update(ADDRESS=f"127.0.0.1:{server[1]}", TOKEN=TOKEN)
    got = list(names["answers"]((i / 10, rgba(scene(200))) for i in range(5)))
    assert [own["type"] for own in got] == ["update"] * 5 + ["result"]
    assert got[4]["persons"][0]["label"] == "happy"
    assert set(re.findall(r"^   \| `(\w+)", text, re.MULTILINE)) <= set(got[4])
