import { dayMs, hourMs } from "../../core/window.ts";
import { parseDuration } from "../config/duration.ts";
import { parseInstant } from "../config/instant.ts";

const usualMs = 4 * hourMs;
/** A silence that nobody remembers is a monitor that nobody has. */
const longestMs = 366 * dayMs;

/**
 * When a silence ends: `for` a duration from now, or `until` a time; after 4 hours if neither is given.
 * @returns wall clock, or why not.
 */
export function silenceEnd(
  given: { readonly for?: string | undefined; readonly until?: string | undefined },
  nowMs: number,
): { readonly kind: "end"; readonly untilMs: number } | { readonly kind: "refused"; readonly detail: string } {
  const { for: duration, until } = given;
  const refused = (detail: string) => ({ kind: "refused", detail }) as const;
  if (duration !== undefined && until !== undefined) return refused("give for or until, not both");
  let untilMs = nowMs + usualMs;
  if (duration !== undefined) {
    const ms = parseDuration(duration);
    if (ms === null) return refused(`for: ${JSON.stringify(duration)} is not a duration; write 30m, 4h or 2d`);
    if (ms === 0) return refused("for: a silence of no length holds nothing back; write 30m, 4h or 2d");
    untilMs = nowMs + ms;
  }
  if (until !== undefined) {
    const ms = parseInstant(until);
    if (ms === null) {
      return refused(`until: ${JSON.stringify(until)} is not a time; write 2026-11-23 or 2026-11-23T14:00:00Z`);
    }
    if (ms <= nowMs) return refused(`until: ${until} is over; it is ${new Date(nowMs).toISOString()}`);
    untilMs = ms;
  }
  if (untilMs - nowMs > longestMs) return refused("a silence ends within 366 days; begin a new one then");
  return { kind: "end", untilMs };
}
