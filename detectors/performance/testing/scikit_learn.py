"""Writes scikit-learn.json: the metrics of small windows of events by scikit-learn and NumPy. Its versions stand in the file.

    python -m venv v && v/bin/pip install scikit-learn==1.9.1 numpy==2.4.6
    v/bin/python detectors/performance/testing/scikit_learn.py > detectors/performance/testing/scikit-learn.json
    npx oxfmt detectors/performance/testing/scikit-learn.json
"""

import json
import math
import sys
import warnings
from importlib.metadata import version

import numpy as np
from sklearn import metrics

warnings.simplefilter("ignore")
rng = np.random.default_rng(int(sys.argv[1]) if len(sys.argv) > 1 else 20260305)


def weights(kind, n):
    if kind == "none":
        return np.ones(n)
    if kind == "whole":
        return rng.integers(1, 5, n).astype(float)
    return np.round(rng.lognormal(0, 1, n), 3)


def masked(values, share):
    return [None if missing else value for value, missing in zip(values, rng.random(len(values)) < share)]


def ratio(kind, truth, decided, w):
    score = getattr(metrics, f"{kind}_score")(truth, decided, sample_weight=w, zero_division=np.nan)
    return None if math.isnan(score) else float(score)


def binary(name, n, rate, weighted="none", digits=2, missing=0.0, one_class=None, low=0.0, high=1.0):
    score = np.clip(rng.normal(0.35 + 0.3 * (rng.random(n) < rate), 0.22, n), 0, 1) * (high - low) + low
    score = np.round(score, digits)
    truth = (rng.random(n) < (score - low) / (high - low)).astype(int) if one_class is None else np.full(n, one_class)
    w = weights(weighted, n)
    scores = masked(score.tolist(), missing)
    decided = masked((score >= 0.5).astype(int).tolist(), missing)
    label = masked(truth.tolist(), missing)
    with_class = [i for i in range(n) if label[i] is not None and decided[i] is not None]
    with_score = [i for i in range(n) if label[i] is not None and scores[i] is not None]
    y, d, wc = truth[with_class], np.array([decided[i] for i in with_class]), w[with_class]
    expected = {"accuracy": float(metrics.accuracy_score(y, d, sample_weight=wc))}
    for kind in ("precision", "recall", "f1"):
        expected[kind] = ratio(kind, y, d, wc)
    y, s, ws = truth[with_score], score[with_score], w[with_score]
    both = 0 < y.sum() < len(y)
    expected["roc_auc"] = float(metrics.roc_auc_score(y, s, sample_weight=ws)) if both else None
    expected["pr_auc"] = float(metrics.average_precision_score(y, s, sample_weight=ws)) if y.sum() > 0 else None
    if s.min() >= 0 and s.max() <= 1:
        clipped = np.clip(s, 1e-15, 1 - 1e-15)
        expected["log_loss"] = float(metrics.log_loss(y, clipped, sample_weight=ws, labels=[0, 1]))
        expected["brier"] = float(metrics.brier_score_loss(y, s, sample_weight=ws, pos_label=1))
        tenth = np.clip(np.ceil(s * 10) - 1, 0, 9)
        gaps = [abs(np.sum(((s - y) * ws)[tenth == bin])) for bin in range(10)]
        expected["calibration_error"] = float(np.sum(gaps) / ws.sum())
        expected["calibration"] = float(np.average(s - y, weights=ws))
    return {
        "name": name,
        "task": "binary",
        "scoresTied": digits <= 2,
        "rows": [list(row) for row in zip(scores, decided, label, w.tolist())],
        "expected": expected,
    }


def multiclass(name, n, weighted="none", missing=0.0, never=False):
    names = ["a", "b", "c", "d"]
    truth = rng.choice(names[:3] if never else names, n, p=[0.5, 0.3, 0.2] if never else [0.4, 0.3, 0.2, 0.1])
    probability = np.round(rng.dirichlet(np.ones(4), n), 4)
    guess = [t if rng.random() < 0.6 else names[int(np.argmax(p))] for t, p in zip(truth, probability)]
    w = weights(weighted, n)
    decided, label = masked(guess, missing), masked(truth.tolist(), missing)
    known = [i for i in range(n) if label[i] is not None and decided[i] is not None]
    y, d, wk = truth[known], [decided[i] for i in known], w[known]
    expected = {"accuracy": float(metrics.accuracy_score(y, d, sample_weight=wk))}
    for kind in ("precision", "recall", "f1"):
        # Over the classes of which it is defined.
        by_class = getattr(metrics, f"{kind}_score")(y, d, sample_weight=wk, average=None, zero_division=np.nan)
        expected[kind] = float(np.nanmean(by_class))
    labelled = [i for i in range(n) if label[i] is not None]
    own = np.array([probability[i][names.index(label[i])] for i in labelled])
    expected["log_loss"] = float(np.average(-np.log(np.clip(own, 1e-15, 1)), weights=w[labelled]))
    return {
        "name": name,
        "task": "multiclass",
        "rows": [[dict(zip(names, p)), c, t, x] for p, c, t, x in zip(probability.tolist(), decided, label, w.tolist())],
        "expected": expected,
    }


def regression(name, n, weighted="none", missing=0.0, offset=0.0, constant=False):
    truth = np.round(rng.gamma(2, 5, n) + offset, 3)
    if constant:
        truth = np.full(n, 7.25)
    if n > 5 and offset == 0 and not constant:
        truth[:3] = 0
    guess = np.round(truth + rng.normal(0.3, 2, n), 3)
    w = weights(weighted, n)
    estimate, label = masked(guess.tolist(), missing), masked(truth.tolist(), missing)
    known = [i for i in range(n) if label[i] is not None and estimate[i] is not None]
    y, e, wk = truth[known], guess[known], w[known]
    not_0 = y != 0
    expected = {
        "mae": float(metrics.mean_absolute_error(y, e, sample_weight=wk)),
        "rmse": float(metrics.root_mean_squared_error(y, e, sample_weight=wk)),
        "mape": float(metrics.mean_absolute_percentage_error(y[not_0], e[not_0], sample_weight=wk[not_0])),
        "bias": float(np.average(e - y, weights=wk)),
        "r2": None if constant or len(y) < 2 else float(metrics.r2_score(y, e, sample_weight=wk)),
    }
    return {
        "name": name,
        "task": "regression",
        "rows": [list(row) for row in zip(estimate, [None] * n, label, w.tolist())],
        "expected": expected,
    }


cases = [
    binary("scores with ties", 120, 0.4),
    binary("many ties", 150, 0.3, digits=1),
    binary("whole weights", 90, 0.5, "whole"),
    binary("uneven weights, missing scores, classes and labels", 160, 0.4, "lognormal", missing=0.2),
    binary("scores one by one", 140, 0.4, digits=6),
    binary("few positives", 120, 0.02, digits=2),
    binary("positives only", 40, 0.5, one_class=1),
    binary("negatives only", 40, 0.5, one_class=0),
    binary("scores that are no probabilities", 100, 0.4, low=-3.0, high=4.0),
    binary("two rows", 2, 0.5),
    multiclass("four classes", 140),
    multiclass("weights, missing classes and labels", 150, "lognormal", missing=0.15),
    multiclass("a class that is never the label", 60, never=True),
    regression("labels of 0", 120),
    regression("weights, missing estimates and labels", 130, "lognormal", missing=0.2),
    regression("far from 0", 100, "whole", offset=1e6),
    regression("labels all the same", 40, constant=True),
]
made_by = {package: version(package) for package in ("scikit-learn", "numpy")}
print(
    json.dumps(
        {
            "madeBy": {"script": "detectors/performance/testing/scikit_learn.py", "python": sys.version.split()[0], **made_by},
            "cases": cases,
        }
    )
)
