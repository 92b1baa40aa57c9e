"""From what several models say about a clip to one answer (paper 4).

Every fusion takes ``P[clip, model, class]``, an array (n, m, 7) of probabilities whose rows sum to
one, and answers ``p[clip, class]``, (n, 7). All are scikit-learn classifiers: ``fit(P, y)``,
``predict_proba(P)``, ``predict(P)``. ``strategies.STRATEGIES`` has them by name.
"""
