"""Labelled data: a reader for each dataset, one class for all, and checks of the data."""

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo, Dropped, Item, Problem
from emonets.datasets.layouts import Reader
from emonets.datasets.registry import DATASETS, detect_dataset, open_dataset, register_reader

__all__ = [
    "DATASETS", "Dataset", "DatasetInfo", "Dropped", "Item", "Problem", "Reader",
    "detect_dataset", "open_dataset", "register_reader",
]  # fmt: skip
