import type { SeriesState } from "../../core/finding.ts";
import { html, type Html } from "./html.ts";
import { windowText } from "./moment.ts";
import { stateLooks } from "./state-look.ts";

/** One window of a strip; null where nothing is known of it. */
export interface StripCell {
  readonly startMs: number;
  readonly endMs: number;
  readonly state: SeriesState | null;
}

const cellWidth = 7;
const height = 14;

/**
 * A row of small cells, the newest at the right. Changed windows are full, quiet ones short; what was not measured is
 * hatched, and a gap is a gap.
 *
 * @param subject What it is about, for who cannot see it: `hour`.
 */
export function windowStrip(subject: string, cells: readonly StripCell[]): Html {
  const width = Math.max(1, cells.length) * cellWidth;
  const label = `${subject}: ${stripText(cells)}`;
  return html`<svg
    class="strip"
    viewBox="0 0 ${width} ${height}"
    width="${width}"
    height="${height}"
    role="img"
    aria-label="${label}"
  >
    <title>${label}</title>
    ${cells.map(({ state }, index) => (state === null ? null : cell(state, index * cellWidth)))}
  </svg>`;
}

function cell(state: SeriesState, x: number): Html {
  const { tone } = stateLooks[state];
  const size = { trouble: height, watched: height, well: 6, unmeasured: height }[tone];
  return html`<rect
    class="cell ${tone}"
    x="${x + 0.5}"
    y="${(height - size) / 2 + (tone === "watched" ? 0.5 : 0)}"
    width="${cellWidth - 2}"
    height="${size - (tone === "watched" ? 1 : 0)}"
  />`;
}

/** `28 windows to 2026-03-14: changed 3, no change 25; changed now, since 2026-03-12`. */
export function stripText(cells: readonly StripCell[]): string {
  const known = cells.filter((one): one is StripCell & { readonly state: SeriesState } => one.state !== null);
  const last = known.at(-1);
  if (last === undefined) return "no window was decided";
  const counts = Map.groupBy(known, ({ state }) => state);
  const counted = Object.entries(stateLooks).flatMap(([state, { word }]) => {
    const count = counts.get(state as SeriesState)?.length ?? 0;
    return count === 0 ? [] : [`${word} ${count}`];
  });
  const since = known[known.findLastIndex(({ state }) => state !== last.state) + 1] ?? last;
  const windows = `${known.length} window${known.length === 1 ? "" : "s"}`;
  return `${windows} to ${windowText(last)}: ${counted.join(", ")}; ${stateLooks[last.state].word} since ${windowText(since)}`;
}

/** The cells of given windows, from what is known of some of them. */
export function stripCells(
  windows: readonly { readonly startMs: number; readonly endMs: number }[],
  states: ReadonlyMap<number, SeriesState>,
): readonly StripCell[] {
  return windows.map(({ startMs, endMs }) => ({ startMs, endMs, state: states.get(startMs) ?? null }));
}
