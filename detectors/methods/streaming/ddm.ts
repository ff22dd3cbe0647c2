import { defineStreamMethod, numberAbove, wholeFrom } from "./stream-method.ts";

/** Drift detection method on errors (1) and right answers (0); value for value `river.drift.binary.DDM` 0.26. */
export const ddm = defineStreamMethod({
  name: "ddm",
  title: "Drift detection method (DDM)",
  meaning: "The error rate of a model rose above its best; a warning comes before the change.",
  convention:
    "p + s > p_min + 2·s_min warns, > p_min + 3·s_min is a change; p the error rate so far, s = √(p(1 − p)/n); rises only. Without a single error at first, the first one is a change.",
  source: "Gama, Medas, Castillo & Rodrigues, Learning with Drift Detection, 2004",
  options: {
    minInstances: wholeFrom(1, 30, "values before the first decision"),
    warningLevel: numberAbove(0, 2, "standard deviations above the best that warn"),
    changeLevel: numberAbove(0, 3, "standard deviations above the best that are a change"),
  },
  values: { must: "0 (right) or 1 (wrong)", allows: (value) => value === 0 || value === 1 },
  start: ({ minInstances, warningLevel, changeLevel }) => {
    let n = 0;
    let rate = 0;
    let best = Infinity;
    let bestRate = 0;
    let bestError = 0;
    return (value) => {
      n += 1;
      rate += (value - rate) / n;
      const error = Math.sqrt((rate * (1 - rate)) / n);
      if (n <= minInstances) return { change: false, warning: false };
      if (rate + error <= best) {
        best = rate + error;
        bestRate = rate;
        bestError = error;
      }
      const change = rate + error > bestRate + changeLevel * bestError;
      return { change, warning: !change && rate + error > bestRate + warningLevel * bestError };
    };
  },
});
