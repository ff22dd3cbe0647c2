import { normalTail } from "../../decisions/normal-tail.ts";
import { studentTTail } from "../../decisions/student-t-tail.ts";
import { normalQuantile } from "../inverse-tail.ts";
import type { StreamOption } from "./stream-method.ts";

/** A score further out counts as this one: a single outlier is no change of the mean. */
const furthest = 4;

/** An option that is a number, or null where it is not known. */
export function knownNumber(meaning: string, least: number): StreamOption<number | null> {
  return {
    default: null,
    meaning,
    must: least === 0 ? "a number above 0, or null" : "a number, or null",
    allows: (value) => value === null || (typeof value === "number" && Number.isFinite(value) && value > least),
  };
}

/**
 * Scores of values against what came before, standard normal while nothing changes. With `mean` and `sd` known they are
 * (x − mean)/sd. Else they start themselves: the value's t statistic against all values before, turned into the normal
 * score of the same probability, which is exact for normal values however few came before (Hawkins 1987); cut at ±4
 * (Hawkins & Olwell 1998 advise such a cut against outliers). The first two values score 0.
 */
export function standardScores(known: {
  readonly mean: number | null;
  readonly sd: number | null;
}): (value: number) => number {
  let n = 0;
  let mean = 0;
  let squares = 0;
  return (value) => {
    if (known.mean !== null && known.sd !== null) return (value - known.mean) / known.sd;
    let score = 0;
    const center = known.mean ?? mean;
    if (n >= 2 && value !== center) {
      const sd = known.sd ?? Math.sqrt(squares / (n - (known.mean === null ? 1 : 0)));
      const t = (value - center) / (sd * Math.sqrt(known.mean === null ? 1 + 1 / n : 1));
      const tail =
        known.sd === null ? studentTTail(Math.abs(t), n - (known.mean === null ? 1 : 0)) : normalTail(Math.abs(t));
      const size = tail > 1e-5 ? Math.min(furthest, normalQuantile(tail)) : furthest;
      score = Math.sign(t) * size;
    }
    n += 1;
    const before = value - (known.mean ?? mean);
    mean += (value - mean) / n;
    squares += before * (value - (known.mean ?? mean));
    return score;
  };
}
