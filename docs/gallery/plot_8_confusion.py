"""
Scores of labels that are known
===============================

Figures of labels and predictions: here they are made up, as a corpus may not ship.
"""

import numpy as np

import emonets
from emonets.evaluation import figures

# %%
# 300 made-up clips. The predictions are right for about half of them.

random = np.random.default_rng(0)
labels = random.integers(0, 7, 300)
scores = random.normal(size=(300, 7))
scores[np.arange(300), labels] += 1.6
probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)

# %%
# A row is a class, and sums to 100 %.

matrix = figures.confusion(labels, probabilities.argmax(axis=1))

# %%
# How often is a label right whose probability is 0.6?

diagram = figures.reliability(labels, probabilities)
print(emonets.EMOTIONS)
