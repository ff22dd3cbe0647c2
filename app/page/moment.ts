import { durationText } from "../../alerting/text/quantities.ts";
import { dayMs, hourMs, minuteMs } from "../../core/window.ts";
import { html, type Html } from "./html.ts";

/** `2026-03-14 08:15`, in UTC. */
export function utcText(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? "unknown" : date.toISOString().slice(0, 16).replace("T", " ");
}

/** `2026-03-14` at midnight, else with the time. */
export function dayText(ms: number): string {
  return utcText(ms).replace(/ 00:00$/, "");
}

/** `3 h ago`, `in 2 d`, `just now`: one unit, rounded down. */
export function agoText(ms: number, nowMs: number): string {
  const distance = Math.abs(nowMs - ms);
  if (distance < minuteMs) return "just now";
  const [size, unit] = distance < hourMs ? [minuteMs, "min"] : distance < 2 * dayMs ? [hourMs, "h"] : [dayMs, "d"];
  const text = `${Math.floor(distance / size).toLocaleString("en-US")} ${unit}`;
  return ms > nowMs ? `in ${text}` : `${text} ago`;
}

/** An instant in UTC, with how long ago it was. */
export function moment(ms: number, nowMs: number): Html {
  return html`<time datetime="${new Date(ms).toISOString()}">${utcText(ms)}</time>
    <span class="ago">${agoText(ms, nowMs)}</span>`;
}

/** An instant in UTC alone, for tables in which each row would say how long ago. */
export function instant(ms: number, nowMs: number): Html {
  return html`<time datetime="${new Date(ms).toISOString()}" title="${agoText(ms, nowMs)}">${utcText(ms)}</time>`;
}

/** `2026-03-14` for a whole day of UTC, else `2026-03-14 08:00 to 09:00`. */
export function windowText({ startMs, endMs }: { readonly startMs: number; readonly endMs: number }): string {
  const start = utcText(startMs);
  const end = utcText(endMs);
  if (startMs % dayMs === 0 && endMs - startMs === dayMs) return start.slice(0, 10);
  return start.slice(0, 10) === end.slice(0, 10) ? `${start} to ${end.slice(11)}` : `${start} to ${end}`;
}

/** `1 day`, `1 hour`. */
export function lengthText(ms: number): string {
  return durationText(ms);
}
