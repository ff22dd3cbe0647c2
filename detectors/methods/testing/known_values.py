"""Writes known-values.json: what SciPy, statsmodels and River say about fixed samples. Its versions stand in the file.

    python -m venv v && v/bin/pip install scipy==1.17.1 statsmodels==0.15.0 river==0.26.1
    v/bin/python detectors/methods/testing/known_values.py > detectors/methods/testing/known-values.json
    npx oxfmt detectors/methods/testing/known-values.json
"""

import json
import math
import random
import sys
import warnings
from importlib.metadata import version

import numpy as np
from river import drift
from scipy import stats
from scipy.spatial.distance import jensenshannon
from statsmodels.stats.proportion import proportions_ztest

warnings.simplefilter("ignore")
draw = random.Random(20260101)
normal = lambda n, mean=0.0, sd=1.0: [round(draw.gauss(mean, sd), 9) for _ in range(n)]
whole = lambda n, low, high: [float(draw.randint(low, high)) for _ in range(n)]

samples = {
    "few": (normal(7), normal(9, 0.8)),
    "small": (normal(18), normal(15, 0.5)),
    "unequal": (normal(300), normal(40, 0.3, 1.4)),
    "tied": (whole(120, 0, 5), whole(80, 1, 6)),
    "alike": (normal(200), normal(150)),
    # No larger: SciPy's exact one-sided KS gives up beyond, and falls back on the limit.
    "large": (normal(400), normal(360, 0.15)),
}
counts = {
    "two": ([12, 30], [25, 22]),
    "rare": ([3, 997], [9, 991]),
    "zero_here": ([10, 20, 5], [12, 0, 9]),
    "many": ([draw.randint(5, 60) for _ in range(12)], [draw.randint(5, 40) for _ in range(12)]),
    "shares": ([0.1, 0.25, 0.65], [0.2, 0.3, 0.5]),
}


def number(value):
    value = float(value)
    return value if math.isfinite(value) else str(value)


def row(method, name, score, p=None, options=None):
    made = {"method": method, "data": name, "score": number(score)}
    if p is not None:
        made["pValue"] = number(p)
    if options:
        made["options"] = options
    return made


of_samples = []
for name, (x, y) in samples.items():
    for alternative in ("two-sided", "less", "greater"):
        options = {"alternative": alternative}
        ks = stats.ks_2samp(x, y, alternative=alternative, method="auto")
        of_samples.append(row("ks", name, ks.statistic, ks.pvalue, options))
        u = stats.mannwhitneyu(x, y, alternative=alternative, method="auto")
        of_samples.append(row("mann_whitney", name, u.statistic, u.pvalue, options))
        t = stats.ttest_ind(x, y, equal_var=False, alternative=alternative)
        of_samples.append(row("welch_t", name, t.statistic, t.pvalue, options))
    of_samples.append(row("wasserstein", name, stats.wasserstein_distance(x, y)))
    of_samples.append(row("wasserstein", name, stats.wasserstein_distance(x, y) / np.std(x), None, {"scale": "reference_sd"}))
    of_samples.append(row("energy", name, stats.energy_distance(x, y)))
    of_samples.append(
        row("energy", name, stats.energy_distance(np.array(x) / np.std(x), np.array(y) / np.std(x)), None, {"scale": "reference_sd"})
    )
    ad = stats.anderson_ksamp([x, y], midrank=True)
    of_samples.append(row("anderson_darling", name, ad.statistic, ad.pvalue))
    if name != "tied":  # With ties SciPy's T grows with the number of rows; ours does not.
        cvm = stats.cramervonmises_2samp(x, y, method="auto")
        of_samples.append(row("cramer_von_mises", name, cvm.statistic, cvm.pvalue))


def bergsma(table):
    table = np.array(table)
    n, (r, k) = table.sum(), table.shape
    chi2 = stats.chi2_contingency(table, correction=False).statistic
    phi2 = max(0, chi2 / n - (k - 1) * (r - 1) / (n - 1))
    return math.sqrt(phi2 / min(k - (k - 1) ** 2 / (n - 1) - 1, r - (r - 1) ** 2 / (n - 1) - 1))


of_counts = []
for name, (a, b) in counts.items():
    p, q = np.array(a) / sum(a), np.array(b) / sum(b)
    for base in (2, "e"):
        logarithm = 2 if base == 2 else math.e
        bare = {"base": base, "smoothing": "none"}
        of_counts.append(row("jensen_shannon", name, jensenshannon(p, q, base=logarithm), None, {"base": base}))
        of_counts.append(row("kl", name, stats.entropy(p, q, base=logarithm), None, bare))
        with np.errstate(divide="ignore"):
            of_counts.append(row("psi", name, np.sum((q - p) * np.log(q / p)) / math.log(logarithm), None, bare))
    of_counts.append(row("hellinger", name, np.sqrt(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2) / 2)))
    of_counts.append(row("total_variation", name, np.abs(p - q).sum() / 2))
    of_counts.append(row("l_infinity", name, np.abs(p - q).max()))
    if name == "shares":
        continue
    chi2 = stats.chi2_contingency([a, b], correction=False)
    of_counts.append(row("chi_square", name, chi2.statistic, chi2.pvalue))
    g = stats.chi2_contingency([a, b], correction=False, lambda_="log-likelihood")
    of_counts.append(row("g_test", name, g.statistic, g.pvalue))
    of_counts.append(row("cramers_v", name, bergsma([a, b]), chi2.pvalue))
    if len(a) == 2:
        for alternative in ("two-sided", "less", "greater"):
            fisher = stats.fisher_exact([a, b], alternative=alternative)
            of_counts.append(row("fisher_exact", name, fisher.statistic, fisher.pvalue, {"alternative": alternative}))
            words = {"two-sided": "two-sided", "less": "smaller", "greater": "larger"}
            z, pz = proportions_ztest([a[0], b[0]], [sum(a), sum(b)], alternative=words[alternative])
            of_counts.append(row("z_proportions", name, z, pz, {"alternative": alternative}))

values = normal(1200) + normal(800, 0.7) + normal(1000, -0.4, 1.3)
errors = [float(draw.random() < rate) for rate in [0.1] * 900 + [0.35] * 700 + [0.15] * 600]
errors[0] = 1.0


def changes(make, stream):
    detector, found = make(), []
    for at, value in enumerate(stream):
        detector.update(value)
        if detector.drift_detected:
            found.append(at)
            detector = make()
    return found


def warnings_of(make, stream):
    detector, found = make(), []
    for at, value in enumerate(stream):
        detector.update(value)
        if detector.drift_detected:
            detector = make()
        elif detector.warning_detected:
            found.append(at)
    return found


streams = [
    {"method": "adwin", "stream": "values", "options": {}, "changes": changes(drift.ADWIN, values)},
    {
        "method": "adwin",
        "stream": "values",
        "options": {"delta": 0.3, "clock": 1, "maxBuckets": 3, "minWindow": 20, "gracePeriod": 50},
        "changes": changes(
            lambda: drift.ADWIN(delta=0.3, clock=1, max_buckets=3, min_window_length=20, grace_period=50), values
        ),
    },
    {"method": "adwin", "stream": "errors", "options": {}, "changes": changes(drift.ADWIN, errors)},
    {
        "method": "page_hinkley",
        "stream": "values",
        "options": {"standardise": False},
        "changes": changes(drift.PageHinkley, values),
    },
    {
        "method": "page_hinkley",
        "stream": "errors",
        "options": {"standardise": False, "threshold": 10, "minInstances": 50, "delta": 0.01, "alpha": 0.999},
        "changes": changes(
            lambda: drift.PageHinkley(threshold=10, min_instances=50, delta=0.01, alpha=0.999), errors
        ),
    },
    {
        "method": "ddm",
        "stream": "errors",
        "options": {},
        "changes": changes(drift.binary.DDM, errors),
        "warnings": warnings_of(drift.binary.DDM, errors),
    },
]

made_by = {package: version(package) for package in ("numpy", "scipy", "statsmodels", "river")}
out = {
    "madeBy": {"script": "detectors/methods/testing/known_values.py", "python": sys.version.split()[0], **made_by},
    "samples": {name: {"reference": x, "current": y} for name, (x, y) in samples.items()},
    "counts": {name: {"reference": a, "current": b} for name, (a, b) in counts.items()},
    "streams": {"values": values, "errors": [int(error) for error in errors]},
    "ofSamples": of_samples,
    "ofCounts": of_counts,
    "ofStreams": streams,
}
print(json.dumps(out))
