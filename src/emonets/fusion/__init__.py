"""From the predictions of several models for a clip to one prediction (paper 4).

Every fusion takes ``P[clip, model, class]``, an array (n, m, 7) of probabilities whose rows sum to
one, and returns ``p[clip, class]``, (n, 7). All are scikit-learn classifiers: ``fit(P, y)``,
``predict_proba(P)``, ``predict(P)``. ``strategies.STRATEGIES`` has them by name.
"""
