"""The same numbers for the same people in all clips of a batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from emonets.result import Result
from emonets.tubes.clustering import cluster


def common_people(result: Result) -> Result:
    """`with_same_people`, without the embeddings, which are biometric data."""
    made = with_same_people(result)
    return replace(
        made, persons=tuple(replace(own, embedding=None, embedded=0) for own in made.persons)
    )


def with_same_people(result: Result) -> Result:
    """A result whose persons have common numbers, from 0 in the order of clips and appearance.

    Two persons of one clip stay two. The result depends on the order of the clips, and not on how
    they were divided among workers or runs.

    Parameters
    ----------
    result : of several clips, whose persons have embeddings. One without an embedding, such as a
        face that is always turned away, gets a number of its own.

    Returns
    -------
    Result with other numbers in ``rows`` and ``persons``. A person has an entry in ``persons`` for
    each clip.
    """
    persons = result.persons
    known = [i for i, person in enumerate(persons) if person.embedding is not None]
    files = {person.file: i for i, person in enumerate(persons)}
    joined = np.arange(len(persons))
    if known:
        means = np.stack([np.asarray(persons[i].embedding, np.float64) for i in known])
        owners = np.array([files[persons[i].file] for i in known])
        counts = [max(persons[i].embedded, 1) for i in known]
        found = cluster(means, counts, owners=owners)
        joined[known] = np.array(known)[[int(np.argmax(found == k)) for k in found]]
    names: dict[int, int] = {}
    numbers: dict[tuple[str, int], int] = {}
    for person, own in zip(persons, joined.tolist(), strict=True):
        numbers[person.file, person.person] = names.setdefault(own, len(names))
    rows = tuple(
        row if row.person is None or (row.file, row.person) not in numbers
        else replace(row, person=numbers[row.file, row.person])
        for row in result.rows
    )  # fmt: skip
    seen = tuple(replace(own, person=numbers[own.file, own.person]) for own in persons)
    return replace(result, rows=rows, persons=seen)


def numbers_of(result: Result) -> dict[tuple[str, int], int]:
    """File and person there → the number that `with_same_people` gives."""
    made = with_same_people(result)
    return {
        (before.file, before.person): after.person
        for before, after in zip(result.persons, made.persons, strict=True)
    }
