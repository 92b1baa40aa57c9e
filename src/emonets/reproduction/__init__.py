"""The paper's own results over again: from the authors' files, and its recipes on other data.

``afew2``: every stage that the authors left files of, equal line by line. ``submissions``: Tables
1 and 2, from answers that were stored or from labelled clips.
"""
