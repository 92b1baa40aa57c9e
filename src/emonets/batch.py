"""Many clips: worker processes, resuming, and a status for every file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

from emonets.contained import Contained, Progress
from emonets.errors import EmoNetsError, MediaError, ParameterError
from emonets.export import write_all
from emonets.export.codebook import codebook_text
from emonets.export.tables import (
    ENCODERS,
    FORMATS,
    TableOptions,
    check_format,
    csv_of,
    encode,
    results_table,
    tables_of,
)
from emonets.inference.combine import check_uncertain
from emonets.inference.normalise import Normalising
from emonets.inference.options import Options as Options  # noqa: PLC0414 - for the callers
from emonets.inference.options import specialist_names
from emonets.inference.rows import status_of
from emonets.inference.same_people import common_people
from emonets.media.clip import Frame
from emonets.model import EmoNets
from emonets.result import FileStatus, Result, printable
from emonets.result_json import SCHEMA_VERSION
from emonets.runtime.ending import in_worker, keeps
from emonets.runtime.files import try_folder, write_whole


@dataclass(frozen=True)
class Source:
    """Which model a worker process loads."""

    bundle: str
    device: str
    models: tuple[str, ...] | None
    fusion: str = "bundle"


def predict_many(
    clips: Sequence[Path],
    *,
    bundle: str,
    device: str = "cpu",
    models: str | Sequence[str] | None = None,
    fusion: str = "bundle",
    options: Options = Options(),
    workers: int = 1,
    folder: Path | None = None,
    same_people: bool = False,
    how: Normalising | None = None,
    on_clip: Callable[[Result], None] | None = None,
    on_frame: Callable[[Frame | Progress], None] | None = None,
    contained: Contained | None = None,
) -> Result:
    """Predict clips, in their order. A clip that fails does not stop the others.

    Parameters
    ----------
    models : which of the bundle's specialists are used; None: its active ones; ``all``: every one.
    fusion : of ``emonets.model.FUSIONS``.
    workers : processes; 1 works in this one.
    folder : each clip's result is kept there as it is finished. A result that an earlier,
        interrupted run left for the same clip, model and options is used again.
    same_people : whether a person has one number in all clips. The clips' own results that are kept
        in the folder then hold the embeddings of their persons.
    how : how the clips are normalised by the person (`emonets.inference.normalise`); None: not.
    on_clip : called as clips are finished, in any order. It gets the numbers of the clip alone.
    on_frame : called for each frame, and with ``contained`` several times a second; what it gets
        has a ``time``, seconds. Only with one worker.
    contained : a process of the same model, which reads the clips if there is one worker: a clip
        that ends the decoder, or takes it over, then costs that clip. None: this process reads
        them. Several workers are processes already.
    """
    if workers < 1:
        raise ParameterError(f"workers must be 1 or more, got {workers}")
    options = replace(
        options, embeddings=same_people or options.embeddings, unfused=how is not None,
        stretch=None if how is None else how.stretch,
    )  # fmt: skip
    contained = _begun(contained if workers == 1 else None, folder)
    source = Source(bundle, device, None if models is None else specialist_names(models), fusion)
    model = _model(source)
    below, abstain = options.uncertain_below, options.abstain
    check_uncertain(below, abstain, model.fusion)
    about = model.describe(uncertain_below=below, abstain=abstain)
    if folder is not None:
        try:
            try_folder(folder)
        except OSError as error:
            raise _cannot_write(folder, error) from None
        keeps(f"finished clips are in {folder}; the same command continues with the rest")
    # made before the clip is read: a clip that changes meanwhile is predicted again next time
    keys = [None if folder is None else _key(clip, model, options) for clip in clips]
    done: dict[int, Result] = {}
    todo: list[int] = []
    for i, clip in enumerate(clips):
        key = keys[i]
        kept = None if folder is None or key is None else _kept(folder, clip, key)
        if kept is None:
            todo.append(i)
        else:
            done[i] = kept
            if on_clip is not None:
                on_clip(kept)
    for i, result in _work(clips, todo, source, options, workers, on_frame, contained):
        done[i] = result
        key = keys[i]
        if folder is not None and key is not None:
            _keep(folder, clips[i], key, result)
        if on_clip is not None:
            on_clip(result)
    parts = [done[i] for i in range(len(clips))]
    if how is not None:
        parts = _normalised(model, parts, how, options, contained)
        about["normalised"] = how.about
    whole = Result.concatenate(parts)
    if same_people:
        whole = common_people(whole)
    return Result(whole.rows, whole.files, about, whole.persons)


def _begun(contained: Contained | None, folder: Path | None) -> Contained | None:
    """Start the process while the model is loaded here; where clips are kept, when one is read."""
    if contained is not None and (folder is None or not (folder / "clips").exists()):
        contained.start()
    return contained


def _normalised(
    model: EmoNets,
    parts: Sequence[Result],
    how: Normalising,
    options: Options,
    contained: Contained | None,
) -> list[Result]:
    calm = None
    if how.file is not None and contained is not None:
        calm = contained.read(how.file, options).result
        (status,) = calm.files
        if status.status == "error":
            raise MediaError(how.file, status.message)
    elif how.file is not None:
        calm = model.predict_clip(how.file, **options.keywords(), raise_errors=True)
    return model.normalise(
        parts, how, calm, same_people=options.embeddings, uncertain_below=options.uncertain_below,
        abstain=options.abstain,
    )  # fmt: skip


def _work(
    clips: Sequence[Path],
    todo: Sequence[int],
    source: Source,
    options: Options,
    workers: int,
    on_frame: Callable[[Frame | Progress], None] | None,
    contained: Contained | None,
) -> Iterator[tuple[int, Result]]:
    if workers == 1 or len(todo) < 2:
        for i in todo:
            if contained is None:
                yield i, _one(clips[i], source, options, on_frame)
            else:
                yield i, contained.read(clips[i], options, on_progress=on_frame).result
        return
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    open_ = set(todo)
    jobs = (delayed(_numbered)(i, clips[i], source, options) for i in todo)
    try:
        for i, result in Parallel(min(workers, len(todo)), return_as="generator_unordered")(jobs):
            open_.discard(i)
            yield i, result
    except TerminatedWorkerError:
        # the error does not name the clip: each of the rest gets a process of its own
        for i in sorted(open_):
            job = delayed(_numbered)(i, clips[i], source, options)
            try:
                yield from Parallel(2)([job])
            except TerminatedWorkerError:
                text = "its process ended without a result; use fewer --workers to save memory"
                status = FileStatus(str(clips[i]), "error", text)
                yield i, Result((), (status,), _model(source).describe())


def _numbered(i: int, clip: Path, source: Source, options: Options) -> tuple[int, Result]:
    with in_worker():
        return i, _one(clip, source, options, None)


def _one(
    clip: Path,
    source: Source,
    options: Options,
    on_frame: Callable[[Frame | Progress], None] | None,
) -> Result:
    model = _model(source)
    try:
        return model.predict_clip(clip, **options.keywords(), on_frame=on_frame)
    except (ParameterError, KeyboardInterrupt):
        raise
    except Exception as error:  # one clip must never stop the others
        if isinstance(error, EmoNetsError):
            status = status_of(error, str(clip))
        else:
            status = FileStatus(str(clip), "error", f"unexpected: {error!r}")
        return Result((), (status,), model.describe())


@lru_cache(maxsize=2)
def _model(source: Source) -> EmoNets:
    model = EmoNets.load(source.bundle, device=source.device)
    return model.with_models(source.models).with_fusion(source.fusion)


def _place(folder: Path, clip: Path) -> Path:
    digest = hashlib.sha256(str(clip.resolve()).encode("utf-8", "surrogatepass")).hexdigest()
    # file systems allow names of 255 bytes, and the clip's may be as long
    stem = clip.stem.encode("utf-8", "replace")[:100].decode("utf-8", "ignore")
    return folder / "clips" / f"{stem}-{digest[:10]}.json"


def _key(clip: Path, model: EmoNets, options: Options) -> str | None:
    """Changes when the clip's bytes (by size and time), the model, an option or what rows hold do.

    None for a clip that cannot be read: its result is not kept.
    """
    try:
        stats = _stats(clip)
        if options.crops is not None:
            stats += _stats(Path(options.crops))
    except OSError:
        return None
    about = model.describe()
    what = [about.get(name) for name in ("bundle_digest", "emonets", "model", "decision")]
    content = [SCHEMA_VERSION, str(clip), stats, *what, asdict(options)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _stats(path: Path) -> list[tuple[str, int, int]]:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return [(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files]


def _cannot_write(folder: Path, error: OSError) -> EmoNetsError:
    return EmoNetsError(
        f"{folder}: cannot write results there ({error.strerror or error}); "
        "free space or choose another --out"
    )


def _keep(folder: Path, clip: Path, key: str, result: Result) -> None:
    if any(status.status == "error" for status in result.files):
        return  # predicted again next time
    try:
        replace(result, about={**result.about, "key": key}).to_json(_place(folder, clip))
    except OSError as error:
        raise _cannot_write(folder, error) from None


def _kept(folder: Path, clip: Path, key: str) -> Result | None:
    try:
        result = Result.from_json(_place(folder, clip).read_text("utf-8"))
        return result if result.about.get("key") == key else None
    except (OSError, ParameterError, UnicodeDecodeError):
        return None


def write_outputs(
    folder: str | os.PathLike[str],
    result: Result,
    format: str,
    tables: TableOptions = TableOptions(),
) -> Path:
    """Write the files of a run into a folder.

    Returns the path of ``results.FORMAT``, or the folder where the format has several files.

    Beside it: ``status.csv``, a line a file; ``persons.csv`` and, if there are events,
    ``events.csv``, or Parquet where that is the format, or sheets of a workbook; and
    ``codebook.txt``.

    Parameters
    ----------
    tables : how tables are written, for the clips of this result (`TableOptions.of`).

    Raises
    ------
    ParameterError : the options do not fit the format.
    EmoNetsError : the files cannot be written there.
    """
    import pandas as pd

    place = Path(folder)
    check_format(format, tables)
    single = format if format in ENCODERS else "csv"
    made = tables_of(result, replace(tables, wide=False))
    main = results_table(result, tables)
    columns = ["file", "status", "message"]
    status = [(printable(s.file), s.status, printable(s.message)) for s in result.files]
    # other formats are no tables: they have no columns to describe
    described = {f"results.{format}": main} if format in (*FORMATS, "json") else {}
    try:
        target = place / f"results.{format}"
        if format in FORMATS and (format == "xlsx" or not tables.plain):
            write_whole(target, encode(result, format, tables))
        else:
            files = write_all(result, place, format)
            target = files[0] if len(files) == 1 else place
        for name in ("persons", "events"):
            if name in made and format != "xlsx":
                file = f"{name}.{single}"
                write_whole(place / file, ENCODERS[single](made[name], tables))
                described[file] = made[name]
        if format == "xlsx":
            described = {f"sheet {name}": own for name, own in made.items()}
            described |= {"sheet wide": main} if tables.wide else {}
        table = pd.DataFrame(status, columns=columns)
        write_whole(place / "status.csv", csv_of(table, tables))
        described["status.csv"] = table
        names = {name: [str(c) for c in own.columns] for name, own in described.items()}
        write_whole(place / "codebook.txt", codebook_text(names, result).encode())
    except OSError as error:
        raise _cannot_write(place, error) from None
    return target
