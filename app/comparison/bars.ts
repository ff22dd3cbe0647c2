import type { Picture } from "./comparison.ts";

/** One pair of bars: what it stands for, and the share of values in either file. */
export interface BarPair {
  readonly label: string;
  readonly reference: number;
  readonly current: number;
}

/** Bars of equal width over a scale of numbers. */
export interface NumericBars {
  readonly bars: readonly BarPair[];
  /** Written below the first, middle and last bar. */
  readonly ticks: readonly string[];
}

const continuousBars = 36;
const mostlyWhole = 0.75;

/**
 * Quantile bins as bars of equal width over the middle 98 % of the reference, its ends together in one bar each: a bin's
 * share is spread evenly over its width. Few bins become a bar each.
 */
export function numericBars(picture: Extract<Picture, { kind: "numeric" }>): NumericBars {
  const { reference, current, min, max, discrete } = picture;
  // Whole numbers want bars that hold equally many of them. A quantile between two of them is an edge at the lower one.
  const whole = picture.edges.filter(Number.isInteger).length >= mostlyWhole * picture.edges.length;
  const edges = whole ? picture.edges.map(Math.floor) : picture.edges;
  const first = edges[0]!;
  const last = edges.at(-1)!;
  const beyond = (side: readonly number[]) => side.at(-1)!;
  if (discrete || !(last > first)) {
    const bars = edges.map((edge, bin) => ({
      label: bin === 0 ? `up to ${shortest(edge)}` : `above ${shortest(edges[bin - 1]!)}, up to ${shortest(edge)}`,
      reference: reference[bin]!,
      current: current[bin]!,
    }));
    if (beyond(reference) + beyond(current) > 0) {
      bars.push({ label: `above ${shortest(last)}`, reference: beyond(reference), current: beyond(current) });
    }
    return { bars, ticks: [`${min < first ? "≤ " : ""}${shortest(first)}`, `${shortest(max)}`] };
  }
  const width = whole ? Math.ceil((last - first) / continuousBars) : (last - first) / continuousBars;
  const count = whole ? Math.ceil((last - first) / width) : continuousBars;
  const spread = (side: readonly number[]): number[] => {
    const shares = Array.from({ length: count }, () => 0);
    for (let bin = 1; bin < edges.length; bin += 1) {
      const [low, high] = [edges[bin - 1]!, edges[bin]!];
      const from = (low - first) / width;
      const to = (high - first) / width;
      if (to === from) shares[Math.min(count - 1, Math.floor(from))]! += side[bin]!;
      for (let bar = Math.floor(from); bar < Math.min(count, Math.ceil(to)); bar += 1) {
        const overlap = Math.min(to, bar + 1) - Math.max(from, bar);
        if (to > from) shares[bar]! += side[bin]! * Math.max(0, overlap / (to - from));
      }
    }
    return shares;
  };
  const before = spread(reference);
  const now = spread(current);
  const inner = before.map((share, bar) => ({
    label: `${shortest(first + bar * width)} to ${shortest(first + (bar + 1) * width)}`,
    reference: share,
    current: now[bar]!,
  }));
  return {
    bars: [
      {
        label: `up to ${shortest(first)} (smallest: ${shortest(min)})`,
        reference: reference[0]!,
        current: current[0]!,
      },
      ...inner,
      {
        label: `above ${shortest(last)} (largest: ${shortest(max)})`,
        reference: beyond(reference),
        current: beyond(current),
      },
    ],
    ticks: [`≤ ${shortest(first)}`, shortest((first + last) / 2), `> ${shortest(last)}`],
  };
}

function shortest(value: number): string {
  const short = Number(value.toPrecision(4));
  const size = Math.abs(short);
  return size >= 1e4 && size < 1e15 ? short.toLocaleString("en-US") : String(short);
}
