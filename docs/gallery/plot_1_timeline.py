"""
Who shows what when
===================

A row for each half second, drawn as a ribbon and seven curves for each person.
"""

import emonets
from emonets.evaluation import figures

CLIP = "../../examples/1001_DFA_HAP_XX.flv"

# %%
# ``window`` is the length of a row in seconds. Shorter windows have less evidence.

result = emonets.predict(CLIP, window=0.5)
print(result)

# %%
# A cell is paler where the largest probability is lower. It is hatched where no face was found.

figure = figures.timeline(result)
figure.set_size_inches(9, 5)
