import { countText, shareText } from "../../alerting/text/quantities.ts";
import type { ProfilePair, ProfileSide } from "../../store/facts/page-profiles.ts";
import { numericBars } from "../comparison/bars.ts";
import { html, type Html } from "./html.ts";
import { scrollTable } from "./scroll-table.ts";

/** A share that grew by more than this, and by more than three standard errors, is drawn in the accent. */
const notable = 0.005;
const notableErrors = 3;
const shownCategories = 12;
/** Numbers with at most so many bins are drawn value by value. */
const discreteBins = 24;
const height = 120;

interface Pair {
  readonly name: string;
  readonly reference: number;
  readonly current: number;
  readonly isNew?: boolean;
}

/**
 * Reference against current, side by side: pairs of bars over a scale of numbers, or a row per category.
 *
 * @param subject The series' name.
 */
export function distributionChart(
  subject: string,
  { binning, reference, control, current }: ProfilePair,
  unit: string | null,
): Html {
  if (current === null) return html`<p class="nothing">This window holds no counts of ${subject}.</p>`;
  const missing = [
    {
      name: "no value",
      reference: shareOf(reference.missing, reference.weight),
      current: shareOf(current.missing, current.weight),
    },
  ].filter((pair) => pair.reference + pair.current > 0);
  const drawing =
    reference.present <= 0 && current.present <= 0
      ? html`<p class="nothing">Neither side has a value.</p>`
      : binning.kind === "numeric" && binning.edges.length > 0
        ? numeric(subject, binning.edges, reference, current, unit)
        : shareBars(
            `Categories of ${subject}`,
            categoryPairs(binning.kind === "categorical" ? binning.categories : [], reference, current),
            { rows: current.rows },
          );
  return html`${keys(reference, current, control)} ${drawing}
  ${missing.length === 0 ? null : shareBars(`Missing values of ${subject}`, missing, { rows: current.rows, full: 1 })}`;
}

/** Whether rows went there, beyond what as many rows show by chance. */
function grew({ reference, current }: Pair, rows: number): boolean {
  const error = Math.sqrt((reference * (1 - reference) + notable) / Math.max(1, rows));
  return current - reference > Math.max(notable, notableErrors * error);
}

/**
 * Pairs of bars, one row each: bins, categories or slices, with their shares beside them.
 *
 * @param options.rows Behind the current shares. `full`: the share that fills the width, else the largest there is.
 */
export function shareBars(
  label: string,
  pairs: readonly Pair[],
  options: { readonly rows: number; readonly full?: number },
): Html {
  const { rows: count, full } = options;
  const longest = full ?? Math.max(1e-9, ...pairs.flatMap(({ reference, current }) => [reference, current]));
  const length = (share: number) => fixed((Math.min(share, longest) / longest) * 100);
  const rows = pairs.map((pair) => {
    return html`<li>
      <span class="name" title="${pair.name}"
        >${pair.name === "" ? "(empty text)" : pair.name}${pair.isNew === true ? html` <span class="tag">new</span>` : null}</span
      ><svg viewBox="0 0 100 16" preserveAspectRatio="none" aria-hidden="true">
        <rect class="reference" x="0" y="1" width="${length(pair.reference)}" height="6" />
        <rect
          class="current${grew(pair, count) ? " grew" : ""}"
          x="0"
          y="9"
          width="${length(pair.current)}"
          height="6"
        /></svg
      ><span class="number">${shareText(pair.reference)} → ${shareText(pair.current)}</span>
    </li>`;
  });
  return html`<ul class="shares" aria-label="${label}, share of rows in the reference and now">
    ${rows}
  </ul>`;
}

function keys(reference: ProfileSide, current: ProfileSide, control: string | null): Html {
  const key = (name: string, text: string, more: string | null) =>
    html`<span class="key"
      ><svg viewBox="0 0 10 10" width="10" height="10" aria-hidden="true">
        <rect class="${name}" width="10" height="10" /></svg
      >${text}${more === null ? null : html` <span class="faint">${more}</span>`}</span
    >`;
  return html`<p class="keys">
    ${key("reference", control === null ? "reference" : `version ${control} in this window`, `${countText(reference.rows)} rows`)}${key("current", "this window", `${countText(current.rows)} rows`)}${key("current grew", "grew, beyond three standard errors", null)}
  </p>`;
}

function numeric(
  subject: string,
  edges: readonly number[],
  reference: ProfileSide,
  current: ProfileSide,
  unit: string | null,
): Html {
  const known = [reference.min, current.min, reference.max, current.max].filter((value) => value !== null);
  const { bars, ticks } = numericBars({
    kind: "numeric",
    edges,
    reference: reference.bins.map((weight) => shareOf(weight, reference.present)),
    current: current.bins.map((weight) => shareOf(weight, current.present)),
    min: Math.min(...known),
    max: Math.max(...known),
    discrete: edges.length < discreteBins,
  });
  const longest = Math.max(1e-9, ...bars.flatMap((bar) => [bar.reference, bar.current]));
  const bar = (share: number, x: number, name: string) => {
    const size = (share / longest) * height;
    return html`<rect class="${name}" x="${x}" y="${fixed(height - size)}" width="4.2" height="${fixed(size)}" />`;
  };
  const moved = bars
    .toSorted((left, right) => Math.abs(right.current - right.reference) - Math.abs(left.current - left.reference))
    .slice(0, 3)
    .map((each) => `${each.label}: ${shareText(each.reference)} to ${shareText(each.current)}`);
  const summary = `Distribution of ${subject}, reference and this window. Moved the most: ${moved.join("; ")}.`;
  const rows = bars.map(
    (each) =>
      html`<tr>
        <th scope="row">${each.label}</th>
        <td class="number">${shareText(each.reference)}</td>
        <td class="number">${shareText(each.current)}</td>
      </tr>`,
  );
  const table = scrollTable({
    label: `Numbers of the distribution of ${subject}`,
    columns: [
      unit === null ? "Value" : `Value, ${unit}`,
      { name: "Reference", kind: "number" },
      { name: "This window", kind: "number" },
    ],
    rows,
  });
  return html`<figure class="chart">
    <div class="plot">
      <div class="scale" aria-hidden="true"><span>${shareText(longest)}</span><span>0 %</span></div>
      <svg viewBox="0 0 ${bars.length * 10} ${height}" preserveAspectRatio="none" role="img" aria-label="${summary}">
        <title>${summary}</title>
        ${bars.map(
          (each, index) =>
            html`<g
              ><title>${each.label}: ${shareText(each.reference)} → ${shareText(each.current)}</title
              ><rect
                class="hover"
                x="${index * 10}"
                y="0"
                width="10"
                height="${height}"
              />${bar(each.reference, index * 10 + 0.6, "reference")}${bar(each.current, index * 10 + 5, grew({ name: each.label, ...each }, current.rows) ? "current grew" : "current")}</g
            >`,
        )}
      </svg>
    </div>
    <div class="ticks" aria-hidden="true">
      ${ticks.map((tick, index) => html`<span>${tick}${index === ticks.length - 1 && unit !== null ? ` ${unit}` : null}</span>`)}
    </div>
    <details>
      <summary>Numbers<span class="visually-hidden"> of the distribution of ${subject}</span></summary>
      ${table}
    </details>
  </figure>`;
}

/** The largest in the reference or now, what is left of each together, and what is new. */
function categoryPairs(names: readonly string[], reference: ProfileSide, current: ProfileSide): readonly Pair[] {
  const all = names.map((name, index) => ({
    name,
    reference: shareOf(reference.bins[index] ?? 0, reference.present),
    current: shareOf(current.bins[index] ?? 0, current.present),
  }));
  const shown = new Set(
    all
      .toSorted((a, b) => Math.max(b.reference, b.current) - Math.max(a.reference, a.current))
      .slice(0, shownCategories),
  );
  const rest = all.filter((pair) => !shown.has(pair));
  const sum = (side: "reference" | "current") => rest.reduce((total, pair) => total + pair[side], 0);
  const others = {
    name: rest.length > 0 ? `${countText(rest.length)} others` : "others",
    reference: sum("reference") + shareOf(reference.unlisted, reference.present),
    current: sum("current") + shareOf(current.unlisted, current.present),
  };
  const top = current.unseenTop;
  const fresh: Pair[] =
    top === null || top.weight <= 0
      ? []
      : [{ name: top.name, reference: 0, current: shareOf(top.weight, current.present), isNew: true }];
  const freshRest = current.unseen - (top?.weight ?? 0);
  return [
    ...all.filter((pair) => shown.has(pair)),
    ...(others.reference + others.current > 0 ? [others] : []),
    ...fresh,
    ...(freshRest > 1e-9
      ? [{ name: "other new values", reference: 0, current: shareOf(freshRest, current.present), isNew: true }]
      : []),
  ];
}

function shareOf(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}

function fixed(value: number): string {
  return String(Math.round(value * 100) / 100);
}
