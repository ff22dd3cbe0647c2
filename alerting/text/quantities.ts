import { dayMs, hourMs, minuteMs } from "../../core/window.ts";

/** 0.0832 → `8.3 %`; below one in a thousand two digits (`0.041 %`), so that a small share is not said to be none. */
export function shareText(share: number): string {
  const percent = share * 100;
  const size = Math.abs(percent);
  if (size === 0) return "0 %";
  if (size < 0.001) return percent > 0 ? "under 0.001 %" : "0 %";
  if (size < 0.1) return `${Number(percent.toPrecision(2))} %`;
  return `${percent.toFixed(1)} %`;
}

/** 1234 → `1,234`. */
export function countText(count: number): string {
  return grouped(Math.round(count).toString());
}

/** Three digits that count: 13.42 → `13.4`, 1234.5 → `1,235`, 0.1816 → `0.182`. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return "not a number";
  const size = Math.abs(value);
  if (size >= 1e15 || (size > 0 && size < 1e-6)) return value.toExponential(2);
  if (size >= 1000) return grouped(Math.round(value).toString());
  return String(Number(value.toPrecision(3)));
}

function grouped(digits: string): string {
  return digits.replaceAll(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** 43,200,000 ms → `12 hours`; two units at most, as people say it: `1 day 6 hours`. */
export function durationText(ms: number): string {
  const units = [
    ["day", dayMs],
    ["hour", hourMs],
    ["minute", minuteMs],
    ["second", 1000],
  ] as const;
  const largest = units.findIndex(([, length]) => ms >= length);
  if (largest === -1) return "under a second";
  const [, finest] = units[Math.min(largest + 1, units.length - 1)] as (typeof units)[number];
  let rest = Math.round(ms / finest) * finest;
  const parts: string[] = [];
  for (const [name, length] of units) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) parts.push(`${count} ${name}${count === 1 ? "" : "s"}`);
  }
  return parts.join(" ");
}

/** `Sat 2026-03-14 00:00 UTC`, or in the model's own zone with its name. */
export function timeText(ms: number, zone: string): string {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    weekday: "short",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(ms);
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((each) => each.type === type)?.value ?? "";
  return `${part("weekday")} ${part("year")}-${part("month")}-${part("day")} ${part("hour")}:${part("minute")} ${zone}`;
}
