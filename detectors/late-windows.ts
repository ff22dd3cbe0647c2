import type { FeatureSchema } from "../core/feature-schema.ts";
import type { Finding } from "../core/finding.ts";
import type { Window } from "../core/window.ts";
import type { Facts } from "../store/facts/client.ts";
import { readDecidedWindows, readLatestState } from "../store/facts/decision-states.ts";
import { insertFindings, readLatestFindings } from "../store/facts/finding-history.ts";
import { countRows } from "../store/facts/windows.ts";
import type { DecisionState } from "./decisions/decision-state.ts";
import { restatedFindings } from "./restated-findings.ts";
import type { WindowDecider } from "./window-decision.ts";

interface Key {
  readonly environment: string;
  readonly model: string;
  readonly baselineId: string;
}

/** Windows of one baseline that are to be decided again, one after the other. */
export interface LateWindows {
  readonly windows: readonly {
    readonly window: Window;
    /** It has rows that came after it was decided. */
    readonly isLate: boolean;
  }[];
  /** The highest revision that they were decided in. */
  readonly revision: number;
}

/**
 * From the first window that has more rows than when it was decided, through the newest that was held against this baseline.
 * Windows that ended before `endAfterMs` stay as they are.
 *
 * @returns null if nothing came late.
 */
export async function findLateWindows(facts: Facts, key: Key, endAfterMs: number): Promise<LateWindows | null> {
  const decided = await readDecidedWindows(facts, { ...key, endAfterMs });
  const windows = decided.map(({ window }) => window);
  const counts = await countRows(facts, key, windows);
  // Counts tell late rows without comparing the clocks of two machines; rows that expired make a window smaller, not late.
  const isLate = decided.map(({ rows }, index) => (counts[index] ?? 0) > rows);
  const firstLate = isLate.indexOf(true);
  const cutOff = firstOfRewriteCutOff(decided);
  const first = cutOff < 0 || (firstLate >= 0 && firstLate < cutOff) ? firstLate : cutOff;
  if (first < 0) return null;
  const again = decided.slice(first);
  return {
    windows: again.map(({ window }, index) => ({ window, isLate: isLate[first + index] ?? false })),
    revision: Math.max(...again.map(({ revision }) => revision)),
  };
}

/**
 * Decides windows again, from the state stored before the first of them, and records once more what thereby ended sooner or
 * never was.
 *
 * @param how.asOf The newest window of the model: what changed is recorded as of it.
 * @param how.decided Told of each window as it is decided.
 * @returns the state after the last, and how many findings were withdrawn.
 */
export async function decideLateWindows(
  facts: Facts,
  key: Key,
  late: LateWindows,
  how: {
    readonly decider: WindowDecider;
    readonly revision: number;
    readonly schemas: readonly FeatureSchema[];
    readonly asOf: Window;
    readonly now: () => number;
    readonly decided?: (window: Window, state: DecisionState, findings: readonly Finding[]) => void;
  },
): Promise<{ readonly withdrawn: number }> {
  const { decider, revision, schemas, now } = how;
  const fromMs = late.windows[0]!.window.startMs;
  const stored = await readLatestState(facts, { ...key, startBeforeMs: fromMs });
  let state = stored === null ? decider.initialState() : (JSON.parse(stored.state) as DecisionState);
  const earlier = await readLatestFindings(facts, { ...key, endAfterMs: fromMs });
  const findings = new Map<string, Finding>();
  for (const { window, isLate } of late.windows) {
    const decision = await decider.decide(state, window, { revision, recount: isLate, schemas });
    state = decision.state;
    for (const finding of decision.findings) findings.set(finding.findingId, finding);
    how.decided?.(window, state, decision.findings);
  }
  const nowMs = now();
  const restated = restatedFindings(
    earlier.filter((finding) => finding.baselineId === key.baselineId && finding.signal !== "performance"),
    { window: how.asOf, state, revision },
    { fromMs, findings },
    nowMs,
  );
  await insertFindings(facts, restated, nowMs);
  return { withdrawn: restated.filter((finding) => finding.state === "withdrawn").length };
}

/**
 * Where a rewrite of history began that was cut off before it came to the newest window, or −1: a rewrite goes through to
 * the end, and what follows keeps its revision, so a revision that falls in the course of time was left behind.
 */
function firstOfRewriteCutOff(decided: readonly { readonly revision: number }[]): number {
  const left = decided.findIndex((one, index) => index > 0 && one.revision < (decided[index - 1]?.revision ?? 0));
  return left < 0 ? -1 : decided.findIndex((one) => one.revision === decided[left - 1]?.revision);
}
