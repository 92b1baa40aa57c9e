"""Figures of results. Each function returns matplotlib's figure and writes nothing.

matplotlib is optional (``pip install 'emonets[plot]'``). It is imported only to draw a figure. Its
global state and its windows are not used. :func:`save` writes PNG, SVG or PDF. Ids such as
``face_log`` are drawn by their names (:func:`readable`).

>>> from emonets.evaluation import figures
>>> figure = figures.timeline(emonets.load().predict("clip.mp4"))  # doctest: +SKIP
>>> figures.save(figure, "timeline.svg")  # doctest: +SKIP
"""

from emonets.emotions import COLOURS
from emonets.evaluation.figures.aggregation import aggregation
from emonets.evaluation.figures.base import FORMATS, check_format, format_of, save
from emonets.evaluation.figures.calibration import reliability
from emonets.evaluation.figures.faces import mean_faces
from emonets.evaluation.figures.fusion import fusion_scores, fusion_weights, weights_of
from emonets.evaluation.figures.kernels import filters
from emonets.evaluation.figures.layers import network_layers
from emonets.evaluation.figures.matrices import confusion, confusion_of
from emonets.evaluation.figures.mouth import dictionary, region_evidence, regions
from emonets.evaluation.figures.names import readable
from emonets.evaluation.figures.panels import Panel, confusion_panels, face_pairs, weight_panels
from emonets.evaluation.figures.paper import SubmissionScores, submissions
from emonets.evaluation.figures.timelines import timeline

__all__ = [
    "COLOURS",
    "FORMATS",
    "Panel",
    "SubmissionScores",
    "aggregation",
    "check_format",
    "confusion",
    "confusion_of",
    "confusion_panels",
    "dictionary",
    "face_pairs",
    "filters",
    "format_of",
    "fusion_scores",
    "fusion_weights",
    "mean_faces",
    "network_layers",
    "readable",
    "region_evidence",
    "regions",
    "reliability",
    "save",
    "submissions",
    "timeline",
    "weight_panels",
    "weights_of",
]
