/** Durations as people write them in configuration: a whole number and one unit. */

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
type Unit = keyof typeof unitMs;

export const durationPattern = /^\d+(ms|s|m|h|d|w)$/;

/** @returns milliseconds, or null if the text is not a duration such as `5m`, `1h` or `90d`. */
export function parseDuration(text: string): number | null {
  if (!durationPattern.test(text)) return null;
  const [, digits, unit] = /^(\d+)([a-z]+)$/.exec(text) ?? [];
  const ms = Number(digits) * unitMs[unit as Unit];
  return Number.isSafeInteger(ms) ? ms : null;
}

/** The inverse, in the largest unit that stays whole: 90 000 → `90s`, 86 400 000 → `1d`. Weeks are said in days. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  for (const unit of ["d", "h", "m", "s"] as const) {
    if (ms % unitMs[unit] === 0) return `${ms / unitMs[unit]}${unit}`;
  }
  return `${ms}ms`;
}
