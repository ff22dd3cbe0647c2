import { defineMethod, total } from "./method.ts";

/** Hellinger distance √(½·Σ (√q − √p)²): 0 alike, 1 without a common cell. Source: Hellinger 1909. */
export function hellingerDistance(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  const referenceRows = total(reference);
  const rows = total(current);
  let sum = 0;
  for (let cell = 0; cell < reference.length; cell += 1) {
    sum += (Math.sqrt(current[cell]! / rows) - Math.sqrt(reference[cell]! / referenceRows)) ** 2;
  }
  return Math.min(1, Math.sqrt(sum / 2));
}

export const hellinger = defineMethod({
  name: "hellinger",
  title: "Hellinger distance",
  meaning: "How far the shares moved, small cells weighing more than in total variation; between 0 and 1.",
  convention: "√(½·Σ (√q − √p)²) over shares; no smoothing is needed.",
  source: "Hellinger 1909; Le Cam & Yang, Asymptotics in Statistics, 2000",
  over: "cells",
  value: hellingerDistance,
});
