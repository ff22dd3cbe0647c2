import { total } from "./method.ts";

/** Two samples counted in the same cells, each of one value, ascending. */
export interface ValueCells {
  readonly reference: ArrayLike<number>;
  readonly current: ArrayLike<number>;
  readonly values: Float64Array;
}

/**
 * The same samples in at most about 2·`groups` cells: neighbours are thrown together, and stand at their mean. They are cut so
 * that no cell spans more than a `groups`th of ∫ √(H(1 − H)) dx, which is what chance contributes to a distance between
 * distribution functions (H is that of both samples together): values far out, which a heavy tail's distance is made of,
 * stay by themselves. Distances that integrate a difference of distribution functions change in the second order only.
 */
export function mergedCells({ reference, current, values }: ValueCells, groups: number): ValueCells {
  const all = total(reference) + total(current);
  const spans = new Float64Array(values.length);
  let below = 0;
  let whole = 0;
  for (let cell = 0; cell + 1 < values.length; cell += 1) {
    below += (reference[cell]! + current[cell]!) / all;
    spans[cell] = Math.sqrt(Math.max(0, below * (1 - below))) * (values[cell + 1]! - values[cell]!);
    whole += spans[cell]!;
  }
  const most = whole / groups;
  const merged: { before: number; now: number; mean: number }[] = [];
  let open = { before: 0, now: 0, mean: 0 };
  let spanned = 0;
  for (let cell = 0; cell < values.length; cell += 1) {
    const [before, now] = [reference[cell]!, current[cell]!];
    open.before += before;
    open.now += now;
    // Not as a sum, which could be larger than any number.
    if (before + now > 0) open.mean += (values[cell]! - open.mean) * ((before + now) / (open.before + open.now));
    spanned += spans[cell]!;
    if (spanned < most && cell + 1 < values.length) continue;
    if (open.before + open.now > 0) {
      merged.push(open);
      open = { before: 0, now: 0, mean: 0 };
    }
    spanned = 0;
  }
  return {
    reference: Float64Array.from(merged, ({ before }) => before),
    current: Float64Array.from(merged, ({ now }) => now),
    values: Float64Array.from(merged, ({ mean }) => mean),
  };
}
