import { defineStreamMethod, fraction, numberFrom, wholeFrom, type StreamVerdict } from "./stream-method.ts";

/** Rows that were merged: how far they sum up, and their squared distances from their mean. Oldest first. */
interface BucketRow {
  readonly totals: number[];
  readonly squares: number[];
}

/**
 * ADWIN2 over an exponential histogram: row i holds buckets of 2^i values, at most `maxBuckets` of them. Every `clock`
 * values each split of the window into an older and a newer part is tested; while the means differ by more than the
 * bound, the oldest bucket is dropped. Same decisions, value for value, as `river.drift.ADWIN` 0.26.
 */
export const adwin = defineStreamMethod({
  name: "adwin",
  title: "Adaptive windowing (ADWIN)",
  meaning: "The mean of the latest values differs from that of the values before, wherever the cut is.",
  convention:
    "ADWIN2 with the variance bound: |μ₀ − μ₁| > √(2·σ²·δ′/m) + 2δ′/(3m), δ′ = ln(2·ln(n)/δ); values near 0 … 1, or scaled there, fit its proof.",
  source: "Bifet & Gavaldà, Learning from Time-Changing Data with Adaptive Windowing, 2007",
  options: {
    delta: fraction(0.002, "confidence of one test: smaller says change less often"),
    clock: wholeFrom(1, 32, "values between two tests"),
    maxBuckets: wholeFrom(2, 5, "buckets of one size before two are merged"),
    minWindow: numberFrom(1, 5, "shortest part that is compared, in values"),
    gracePeriod: numberFrom(0, 10, "values before the first test"),
  },
  start: ({ delta, clock, maxBuckets, minWindow, gracePeriod }) => {
    const rows: BucketRow[] = [{ totals: [], squares: [] }];
    let total = 0;
    let squares = 0;
    let width = 0;
    let seen = 0;

    function insert(value: number): void {
      rows[0]!.totals.push(value);
      rows[0]!.squares.push(0);
      width += 1;
      if (width > 1) squares += ((width - 1) * (value - total / (width - 1)) ** 2) / width;
      total += value;
      for (let i = 0; i < rows.length; i += 1) {
        const row = rows[i]!;
        if (row.totals.length <= maxBuckets) break;
        const next = (rows[i + 1] ??= { totals: [], squares: [] });
        const size = 2 ** i;
        const [a = 0, b = 0] = row.totals.splice(0, 2);
        const [squaresA = 0, squaresB = 0] = row.squares.splice(0, 2);
        next.totals.push(a + b);
        next.squares.push(squaresA + squaresB + (size * (a / size - b / size) ** 2) / 2);
      }
    }

    /** Whether some split of the window differs by more than chance. */
    function differs(): boolean {
      const confidence = Math.log((2 * Math.log(width)) / delta);
      const variance = squares / width;
      let older = 0;
      let olderTotal = 0;
      for (let i = rows.length - 1; i >= 0; i -= 1) {
        for (const bucket of rows[i]!.totals) {
          older += 2 ** i;
          olderTotal += bucket;
          const newer = width - older;
          if (newer === 0) return false;
          if (older < minWindow || newer < minWindow) continue;
          const size = 1 / (older - minWindow + 1) + 1 / (newer - minWindow + 1);
          const bound = Math.sqrt(2 * size * variance * confidence) + (2 / 3) * confidence * size;
          if (Math.abs(olderTotal / older - (total - olderTotal) / newer) > bound) return true;
        }
      }
      return false;
    }

    return (value): StreamVerdict => {
      insert(value);
      seen += 1;
      if (seen % clock !== 0 || width <= gracePeriod) return { change: false };
      // A detector that says so starts afresh, so that how far the window would shrink does not matter.
      return { change: differs() };
    };
  },
});
