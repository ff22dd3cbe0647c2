import type { Evidence } from "../../core/finding.ts";
import type { SeriesEvaluation } from "../decisions/evaluations.ts";

/** Share of the judged rows that "did not move" must have been shown for. */
const coverage = 0.9;

/**
 * Whether the model's predictions moved in a window, from the score and class of each version. *Moved*: one of them is in
 * drift, and this window's own lower 90 % bound is above the floor (a finding stays open for some calm windows). *Did not
 * move*: the upper 90 % bound of every one is below the floor, over versions with at least nine tenths of
 * the rows. Everything else, a model that warms up or has no scores and classes included, is *not known*.
 */
export function predictionsVerdict(
  evaluations: readonly SeriesEvaluation[],
  effectFloor: number,
): Evidence["predictions"] {
  const results = evaluations.filter(
    ({ series, signal }) => series.role !== "feature" && series.slice === "" && signal === "distribution",
  );
  // Without φ the bounds of a window that warms up are too narrow to vouch for anything.
  const measured = results.filter(({ effectHigh, state }) => effectHigh !== null && state !== "warming_up");
  const effect = maximum(measured.map((result) => result.effect ?? 0));
  const effectHigh = maximum(measured.map((result) => result.effectHigh ?? 0));
  const moved = results.some(({ state, effectLow }) => state === "drift" && (effectLow ?? 0) > effectFloor);
  if (moved) return { verdict: "moved", effect, effectHigh };
  const rows = (of: readonly SeriesEvaluation[]) => of.reduce((sum, result) => sum + result.rows, 0);
  const covered = measured.length > 0 && rows(measured) >= coverage * rows(results);
  const below = effectHigh !== null && effectHigh < effectFloor;
  return { verdict: covered && below ? "did_not_move" : "not_known", effect, effectHigh };
}

function maximum(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.max(...values);
}
