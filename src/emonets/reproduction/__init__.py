"""Reproduction of the paper's results: from the authors' files, and its recipes on other data.

``afew2`` repeats every stage of which the authors left files, and compares line by line.
``submissions`` repeats Tables 1 and 2, from stored predictions or from labelled clips.
"""
