"""Labelled data: a reader for each dataset, one shape for all, and what can be wrong with them."""

from emonets.datasets.base import Dataset
from emonets.datasets.info import DatasetInfo
from emonets.datasets.items import Dropped, Item
from emonets.datasets.problems import Problem
from emonets.datasets.registry import DATASETS, Reader, detect_dataset, open_dataset

__all__ = [
    "DATASETS", "Dataset", "DatasetInfo", "Dropped", "Item", "Problem", "Reader",
    "detect_dataset", "open_dataset",
]  # fmt: skip
