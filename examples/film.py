"""A film as a data frame: a row a person and window, and the share of each label by person.

python examples/film.py FILM
"""

import sys

import emonets

result = emonets.predict(sys.argv[1], window=1.0)
windows = result.windows()
print(windows[["person", "start", "end", "label", "usable", "x", "y", "w", "h"]].to_string())
print(windows.groupby("person").label.value_counts(normalize=True).round(2).to_string())
