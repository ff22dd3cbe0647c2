import type { PinnedBaselineSpec, Trailing } from "../../core/baseline.ts";
import type { Finding } from "../../core/finding.ts";
import { hourMs, nextWindow, weekMs, windowContaining, windowsBetween } from "../../core/window.ts";
import type { Window, WindowAlignment } from "../../core/window.ts";
import type { Facts } from "../../store/facts/client.ts";
import { readLatestFindings } from "../../store/facts/finding-history.ts";
import { countRows } from "../../store/facts/windows.ts";
import type { DecisionState } from "../decisions/decision-state.ts";
import { closeAfter } from "../decisions/lifecycle.ts";

/** Windows with rows that a trailing range must have before anything is held against it. */
export const fewestTrailingWindows = 14;
/** A range is not taken up while findings were open in more than this share of it. */
const changedShare = 0.25;

/** The present range of a trailing baseline. */
export type TrailingRange = Extract<PinnedBaselineSpec, { kind: "range" }>;

/** What the range does before a window is decided. */
export type TrailingStep =
  | { readonly kind: "moves"; readonly range: TrailingRange }
  | { readonly kind: "stands"; readonly reason: "same_week" | "finding_open" | "mostly_changed" | "too_few_windows" }
  /** There is none yet, and too little to begin with. */
  | { readonly kind: "too_short"; readonly windows: number; readonly needed: number; readonly range: Window };

/**
 * The range that windows of the week of `timeMs` are held against: whole windows, ending `gapMs` before that week.
 * Whole windows of a zone lie up to an hour off where the clock changes within the range.
 */
export function trailingRange({ lengthMs, gapMs }: Trailing, timeMs: number, alignment: WindowAlignment): Window {
  const weekStartMs = windowContaining(timeMs, { lengthMs: weekMs, zone: alignment.zone }).startMs;
  const slackMs = Math.min(hourMs, alignment.lengthMs / 2);
  const boundary = (ms: number) => windowContaining(ms + slackMs, alignment).startMs;
  return { startMs: boundary(weekStartMs - gapMs - lengthMs), endMs: boundary(weekStartMs - gapMs) };
}

/** The first week that can be judged, if rows come from `firstMs` on without a pause. */
export function trailingReadyMs({ gapMs }: Trailing, firstMs: number, alignment: WindowAlignment): number {
  const enoughMs = windowContaining(firstMs, alignment).startMs + fewestTrailingWindows * alignment.lengthMs + gapMs;
  const weeks = { lengthMs: weekMs, zone: alignment.zone };
  const week = windowContaining(enoughMs, weeks);
  return week.startMs === enoughMs ? enoughMs : nextWindow(week, weeks).startMs;
}

/**
 * Whether a stored baseline is the range of this trailing one, so that a process that starts takes it up where it stood.
 */
export function isRangeOf(spec: PinnedBaselineSpec, { lengthMs, gapMs }: Trailing): spec is TrailingRange {
  if (spec.kind !== "range" || spec.trailing === undefined) return false;
  return spec.trailing.lengthMs === lengthMs && spec.trailing.gapMs === gapMs;
}

/**
 * Where the range lies for a window that is about to be decided. It moves on once a week. It stands still while a finding
 * against it is open, or could still reopen, and while findings were open in more than a quarter of where it would go:
 * one lasting change stays one finding, and neither the change nor its end becomes normal unless a person accepts it.
 * Follows from what is stored alone, so that every process comes to the same range.
 *
 * @param present Null: there is none yet.
 */
export async function trailingStep(
  facts: Facts,
  of: { readonly environment: string; readonly model: string; readonly trailing: Trailing },
  window: Window,
  alignment: WindowAlignment,
  present: {
    readonly baselineId: string;
    readonly range: TrailingRange;
    readonly windowMs: number;
    /** After the window before; null if that was not held against this range. */
    readonly state: DecisionState | null;
  } | null,
): Promise<TrailingStep> {
  const { environment, model, trailing } = of;
  const range = trailingRange(trailing, window.startMs, alignment);
  if (present !== null) {
    if (range.endMs <= present.range.toMs) return stands("same_week");
    if ((present.state?.findings.length ?? 0) > 0) return stands("finding_open");
    const findings = await readLatestFindings(facts, { environment, model, endAfterMs: range.startMs });
    // The fast cadence's findings are in nobody's memory but its own.
    const open = findings.some(({ state, baselineId }) => state === "open" && baselineId === present.baselineId);
    if (open) return stands("finding_open");
    const changedMs = changedTime(findings, range, present.windowMs);
    if (changedMs > changedShare * (range.endMs - range.startMs)) return stands("mostly_changed");
  }
  const windows = [...windowsBetween(range.startMs, range.endMs, alignment)];
  const counts = await countRows(facts, { environment, model }, windows);
  const filled = counts.filter((rows) => rows > 0).length;
  if (filled < fewestTrailingWindows) {
    if (present !== null) return stands("too_few_windows");
    return { kind: "too_short", windows: filled, needed: fewestTrailingWindows, range };
  }
  const windowMs = present?.windowMs ?? null;
  const moved = { kind: "range", fromMs: range.startMs, toMs: range.endMs } as const;
  return { kind: "moves", range: { ...moved, trailing: { ...trailing, windowMs } } };
}

function stands(reason: Extract<TrailingStep, { kind: "stands" }>["reason"]): TrailingStep {
  return { kind: "stands", reason };
}

/** Time of the range in which a finding was open; the calm windows after which one closes are none of it. */
function changedTime(findings: readonly Finding[], range: Window, windowMs: number): number {
  const spans = findings
    .filter(({ state }) => state !== "withdrawn")
    .map((finding) => {
      const { openedWindowStartMs, openedWindowEndMs, closedWindowEndMs, windowEndMs } = finding;
      const lastMs = (closedWindowEndMs ?? windowEndMs) - (closedWindowEndMs === null ? 0 : closeAfter * windowMs);
      return {
        startMs: Math.max(range.startMs, openedWindowStartMs),
        endMs: Math.min(range.endMs, Math.max(lastMs, openedWindowEndMs)),
      };
    })
    .toSorted((a, b) => a.startMs - b.startMs);
  let changedMs = 0;
  let reachedMs = range.startMs;
  for (const { startMs, endMs } of spans) {
    changedMs += Math.max(0, endMs - Math.max(startMs, reachedMs));
    reachedMs = Math.max(reachedMs, endMs);
  }
  return changedMs;
}
