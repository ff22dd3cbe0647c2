import type { Baseline } from "../../core/baseline.ts";
import { nextWindow, windowContaining } from "../../core/window.ts";
import type { Window, WindowAlignment } from "../../core/window.ts";
import type { Facts } from "../../store/facts/client.ts";
import { firstEventMs } from "../../store/facts/windows.ts";

/** A first window counts as whole if its first event lies within this share of its start. */
const wholeShare = 0.05;

/**
 * The first window that is decided. Windows before the first live event are none: nothing was being watched. The window of
 * the first event is partial, and left out, unless that event lies in the window's first 5 %, or a range baseline ends
 * exactly where the window starts (then the rows before it are simply the baseline). After a range baseline nothing before
 * its end is live.
 *
 * @returns null if there is no live event yet.
 */
export async function firstWindow(
  facts: Facts,
  options: {
    readonly environment: string;
    readonly model: string;
    readonly alignment: WindowAlignment;
    readonly baseline: Baseline | null;
  },
): Promise<Window | null> {
  const { environment, model, alignment, baseline } = options;
  const baselineEndMs = baseline?.spec.kind === "range" ? baseline.spec.toMs : null;
  const firstMs = await firstEventMs(facts, { environment, model, fromMs: baselineEndMs ?? 0 });
  if (firstMs === null) return null;
  const window = windowContaining(firstMs, alignment);
  const followsBaseline = baselineEndMs !== null && baselineEndMs === window.startMs;
  const whole = firstMs - window.startMs <= wholeShare * (window.endMs - window.startMs);
  const startsLive = baselineEndMs === null || window.startMs >= baselineEndMs;
  return followsBaseline || (whole && startsLive) ? window : nextWindow(window, alignment);
}
