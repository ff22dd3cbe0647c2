import type { Series } from "../../core/baseline.ts";

/** Names a series within one model's decision state. */
export function seriesKey({ role, feature, version, slice }: Series): string {
  return JSON.stringify([role, feature, version, slice]);
}

/** The series that a key names. */
export function seriesOfKey(key: string): Series {
  const [role, feature, version, slice] = JSON.parse(key) as [Series["role"], string, string, string];
  return { role, feature, version, slice };
}
