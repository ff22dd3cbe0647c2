import type { ReferenceProfile } from "../../core/profile.ts";
import type { ScoredRows } from "./domain-classifier.ts";

/**
 * Turns slots into scores: the mid-rank of the slot's bin in the reference, from −1 to 1; categories rank by their place in
 * the binning, which is by frequency. Missing, non-finite, unlisted and new values score 0, the middle: signals of their own
 * speak of them.
 *
 * @param references One of each feature, in the slots' order.
 */
export function slotScores(
  slots: readonly (readonly number[])[],
  references: readonly Pick<ReferenceProfile, "pooled">[],
): ScoredRows {
  const tables = references.map(({ pooled }) => {
    const bins = Array.from(pooled.bins);
    const total = bins.reduce((sum, count) => sum + count, 0);
    let below = 0;
    return bins.map((count) => {
      const rank = total > 0 ? (2 * (below + count / 2)) / total - 1 : 0;
      below += count;
      return rank;
    });
  });
  const features = references.length;
  const scores = new Float64Array(slots.length * features);
  for (const [row, values] of slots.entries()) {
    for (const [feature, slot] of values.entries()) scores[row * features + feature] = tables[feature]?.[slot] ?? 0;
  }
  return { rows: slots.length, features, scores };
}
