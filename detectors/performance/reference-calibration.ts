import type { Task } from "../../core/model.ts";
import type { Facts } from "../../store/facts/client.ts";
import { countLabels, countPerformance } from "../../store/facts/performance.ts";
import type { RowScope } from "../../store/facts/row-scope.ts";
import { calibrationCurve } from "./calibration.ts";
import type { IsotonicCurve } from "./isotonic.ts";
import { mergedTally } from "./score-tally.ts";
import { outcomesByScore } from "./window-metrics.ts";

/** Of a larger reference, the newest rows: a curve gains little from more. */
const mostReferenceRows = 1_000_000;
/** Labels of a range of stored events may come after it: so often is looked again, and never twice at the same labels. */
const mostLooks = 20;

/** Where a reference's rows lie, and how many there are. */
export interface ReferenceRows {
  readonly scope: RowScope;
  readonly rows: number;
}

/**
 * The calibration of a binary model's scores on its reference, over all versions in it; null as long as the reference has too
 * few labelled scores. Once known it stays.
 */
export function createReferenceCalibration(
  facts: Facts,
  task: Task,
  reference: ReferenceRows | null,
): () => Promise<IsotonicCurve | null> {
  let curve: IsotonicCurve | null = null;
  let [looks, labelsSeen] = [0, 0];
  return async () => {
    if (curve !== null || reference === null || task.kind !== "binary" || looks >= mostLooks) return curve;
    const { scope, rows } = reference;
    const share = Math.min(1, mostReferenceRows / Math.max(1, rows));
    const newest = { ...scope, fromMs: Math.floor(scope.toMs - (scope.toMs - scope.fromMs) * share) };
    const labels = await countLabels(facts, newest);
    if (labels === labelsSeen) return null;
    labelsSeen = labels;
    looks += 1;
    const versions = await countPerformance(facts, newest, task);
    curve = calibrationCurve(
      mergedTally(
        versions.flatMap(({ slice, counts }) =>
          slice === "" && counts.kind === "binary" ? [outcomesByScore(counts)] : [],
        ),
      ),
    );
    return curve;
  };
}
