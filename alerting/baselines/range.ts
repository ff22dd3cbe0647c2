import type { ModelSpec } from "../../core/model.ts";
import { nextWindow, windowContaining, windowsBetween } from "../../core/window.ts";
import type { Window } from "../../core/window.ts";
import type { Facts } from "../../store/facts/client.ts";
import { countRows } from "../../store/facts/windows.ts";
import { countText, timeText } from "../text/quantities.ts";

/** How many whole windows with rows a range must hold to become a baseline: below, nothing says how they vary. */
const fewestBaselineWindows = 4;
/** Nothing is judged against fewer rows. */
const fewestBaselineRows = 100;
/** More are hardly meant, and would make one statement of them. */
const mostWindows = 10_000;

/**
 * Whether a range of stored events can become a baseline. Only its whole windows count.
 *
 * @param range.windowMs Length of the model's windows.
 * @param range.version Only its rows count; those of all versions if it is absent.
 * @returns For `too_small`, what is missing; `enoughAtMs`: when a range that goes on as it has would have it, null if that
 *   cannot be said.
 */
export async function examineRange(
  facts: Facts,
  range: Window & {
    readonly environment: string;
    readonly model: ModelSpec;
    readonly windowMs: number;
    readonly version?: string;
  },
): Promise<
  | { readonly kind: "enough" }
  | { readonly kind: "too_small"; readonly detail: string; readonly enoughAtMs: number | null }
> {
  const { environment, model, startMs, endMs, windowMs, version } = range;
  const alignment = { lengthMs: windowMs, zone: model.monitoring.zone };
  const windows: Window[] = [];
  for (const window of windowsBetween(startMs, endMs, alignment)) {
    windows.push(window);
    if (windows.length > mostWindows) {
      const detail = `it is longer than ${countText(mostWindows)} windows: choose a shorter one`;
      return { kind: "too_small", detail, enoughAtMs: null };
    }
  }
  const key = { environment, model: model.name, ...(version !== undefined && { version }) };
  const counts = (await countRows(facts, key, windows)).filter((rows) => rows > 0);
  const rows = counts.reduce((sum, one) => sum + one, 0);
  if (counts.length >= fewestBaselineWindows && rows >= fewestBaselineRows) return { kind: "enough" };

  const missingRows = Math.max(0, fewestBaselineRows - rows);
  const missing = Math.max(
    fewestBaselineWindows - counts.length,
    missingRows === 0 ? 0 : rows === 0 ? Number.POSITIVE_INFINITY : Math.ceil((missingRows * counts.length) / rows),
  );
  const detail = `it holds ${countText(counts.length)} whole window${counts.length === 1 ? "" : "s"} with ${countText(rows)} row${rows === 1 ? "" : "s"}${version === undefined ? "" : ` of version ${version}`}, and a baseline needs ${fewestBaselineWindows} with ${fewestBaselineRows}`;
  let window = windows.at(-1) ?? before(windowContaining(startMs, alignment), startMs, alignment);
  // Nothing came so far: as if a row a window would do from here on.
  const further = Number.isFinite(missing) ? missing : fewestBaselineWindows;
  for (let count = 0; count < further; count += 1) window = nextWindow(window, alignment);
  return { kind: "too_small", detail, enoughAtMs: window.endMs + model.monitoring.allowedLatenessMs };
}

/** The window after which the first whole one of a range comes. */
function before(window: Window, startMs: number, alignment: Parameters<typeof windowContaining>[1]): Window {
  return window.startMs < startMs ? window : windowContaining(window.startMs - 1, alignment);
}

/** `from Wed 2026-03-18 00:05 UTC on there should be enough` */
export function enoughText(enoughAtMs: number, zone: string): string {
  return `from ${timeText(enoughAtMs, zone)} on there should be enough`;
}
