import { numberText } from "../../alerting/text/quantities.ts";
import { html, type Html } from "./html.ts";
import { scrollTable } from "./scroll-table.ts";
import { dayText, utcText, windowText } from "./moment.ts";

/** One line of a chart over windows; null where it was not measured. */
export interface ChartLine {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** By index: not judged or resting on few rows, drawn hollow. */
  readonly doubtful?: readonly boolean[];
  /** Ends of the interval of each value, drawn as a band. */
  readonly low?: readonly (number | null)[];
  readonly high?: readonly (number | null)[];
  /** Lines of equal look share a colour; by default each has its own. */
  readonly look?: number;
  /** Not seen but estimated: dotted. */
  readonly estimated?: true;
}

export interface TimeChart {
  readonly title: string;
  /** What the numbers are, and their unit. */
  readonly caption: string;
  readonly windows: readonly { readonly startMs: number; readonly endMs: number }[];
  readonly lines: readonly ChartLine[];
  /** A level to compare with, such as a floor. */
  readonly level?: { readonly name: string; readonly value: number };
  /** Windows in which a finding was open: drawn on the accent's ground. */
  readonly trouble?: ReadonlySet<number>;
  readonly bars?: boolean;
  readonly format?: (value: number) => string;
  /** The scale begins at 0. */
  readonly fromZero?: boolean;
}

const width = 600;
const height = 120;
const fewestColumns = 7;

/** Lines, or bars of one series, over windows; the numbers are in a table below it. */
export function timeChart(chart: TimeChart): Html {
  const { windows, lines, level, format = numberText } = chart;
  const values = lines.flatMap((line) => line.values.filter((value) => value !== null));
  const [first] = windows;
  const last = windows.at(-1);
  if (first === undefined || last === undefined || values.length === 0) {
    return html`<figure class="chart">
      <figcaption><b>${chart.title}</b> <span class="faint">${chart.caption}</span></figcaption>
      <p class="nothing">Not measured yet.</p>
    </figure>`;
  }
  const ends = lines.flatMap(({ low = [], high = [], doubtful }) =>
    [low, high].flatMap((bounds) => bounds.filter((bound, at) => bound !== null && doubtful?.[at] !== true)),
  ) as number[];
  const scaled = [...values, ...ends, ...(level === undefined ? [] : [level.value])];
  const { low, high } = scaleOf(scaled, chart.fromZero === true || chart.bars === true);
  // A few windows are not drawn as wide as a few dozen would be.
  const step = width / Math.max(fewestColumns, windows.length);
  const x = (index: number) => (index + 0.5) * step;
  const y = (value: number) => height - ((value - low) / (high - low)) * height;
  const summary = `${chart.title}, ${chart.caption}. ${lines.map((line) => lineSummary(line, format)).join("; ")}. ${utcText(first.startMs)} to ${utcText(last.endMs)}.`;
  const trouble = runs(windows.map(({ startMs }) => chart.trouble?.has(startMs) === true)).map(
    ([from, to]) =>
      html`<rect
        class="ground"
        x="${fixed(from * step)}"
        y="0"
        width="${fixed((to - from) * step)}"
        height="${height}"
      />`,
  );
  const drawn = lines.map((line, index) =>
    chart.bars === true ? bars(line, { step, y, trouble: chart.trouble, windows }) : path(line, index, x, y),
  );
  const bands = lines.map((line, index) => band(line, index, x, y));
  const ruler =
    level === undefined
      ? null
      : html`<path class="level" d="M0 ${fixed(y(level.value))}H${width}"
          ><title>${level.name} ${format(level.value)}</title></path
        >`;
  return html`<figure class="chart">
    <figcaption>
      <b>${chart.title}</b> <span class="faint">${chart.caption}</span>${
        lines.length > 1
          ? html`<span class="keys"
              >${lines.map(
                (line, index) =>
                  html`<span class="key"
                    ><svg viewBox="0 0 18 6" width="18" height="6" aria-hidden="true">
                      <path class="${lineClass(line, index)}" d="M0 3H18" /></svg
                    >${line.name}</span
                  >`,
              )}</span
            >`
          : null
      }
    </figcaption>
    <div class="plot">
      <div class="scale" aria-hidden="true"><span>${format(high)}</span><span>${format(low)}</span></div>
      <svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="${summary}">
        <title>${summary}</title>
        ${trouble}${bands}${ruler}${drawn}
      </svg>
    </div>
    <div class="ticks" aria-hidden="true">
      <span
        >${windows.length < fewestColumns ? `${dayText(first.startMs)} to ${dayText(last.endMs)}` : dayText(first.startMs)}</span
      ><span>${level === undefined ? null : `dashed: ${level.name} ${format(level.value)}`}</span
      ><span>${windows.length < fewestColumns ? null : dayText(last.endMs)}</span>
    </div>
    ${numbersTable(chart, format)}
  </figure>`;
}

/** Where it holds without a break: first index, and the one after the last. */
function runs(holds: readonly boolean[]): readonly (readonly [from: number, to: number])[] {
  return holds.flatMap((held, index) => {
    if (!held || holds[index - 1] === true) return [];
    const end = holds.indexOf(false, index);
    return [[index, end === -1 ? holds.length : end] as const];
  });
}

/** A little air above and below; a constant has a scale too. */
function scaleOf(values: readonly number[], fromZero: boolean): { readonly low: number; readonly high: number } {
  const largest = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const smallest = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  if (fromZero && smallest >= 0) return { low: 0, high: largest > 0 ? largest * 1.1 : 1 };
  const span = largest - smallest || Math.abs(largest) * 0.1 || 1;
  return { low: smallest - span * 0.15, high: largest + span * 0.15 };
}

function path(line: ChartLine, index: number, x: (index: number) => number, y: (value: number) => number): Html {
  let d = "";
  let pen = "M";
  for (const [at, value] of line.values.entries()) {
    // What was not measured is a gap, never a straight line over it.
    if (value === null) pen = "M";
    else {
      d += `${pen}${fixed(x(at))} ${fixed(y(value))}`;
      pen = "L";
    }
  }
  // A line of no length with round ends is a dot that keeps its shape however the chart is stretched.
  const dots = line.values.flatMap((value, at) =>
    value === null
      ? []
      : [
          html`<path
            class="dot dot-${(line.look ?? index) % 4}${line.doubtful?.[at] === true ? " doubtful" : ""}"
            d="M${fixed(x(at))} ${fixed(y(value))}h.01"
          />`,
        ],
  );
  return html`<path class="${lineClass(line, index)}" d="${d}" />${dots}`;
}

function lineClass({ look, estimated }: ChartLine, index: number): string {
  return `line-${(look ?? index) % 4}${estimated === true ? " estimate" : ""}`;
}

/** The intervals of a line's values, wherever two neighbours have one. */
function band(line: ChartLine, index: number, x: (index: number) => number, y: (value: number) => number): Html | null {
  const { low = [], high = [] } = line;
  const known = low.map((bound, at) => bound !== null && (high[at] ?? null) !== null && line.doubtful?.[at] !== true);
  const shapes = runs(known).map(([from, to]) => {
    const upper = high.slice(from, to).map((value, at) => `${fixed(x(from + at))} ${fixed(y(value!))}`);
    const lower = low.slice(from, to).map((value, at) => `${fixed(x(from + at))} ${fixed(y(value!))}`);
    return `M${upper.join("L")}L${lower.toReversed().join("L")}Z`;
  });
  return shapes.length === 0
    ? null
    : html`<path class="band band-${(line.look ?? index) % 4}" d="${shapes.join("")}" />`;
}

function bars(
  line: ChartLine,
  {
    step,
    y,
    trouble,
    windows,
  }: {
    readonly step: number;
    readonly y: (value: number) => number;
    readonly trouble: ReadonlySet<number> | undefined;
    readonly windows: TimeChart["windows"];
  },
): readonly (Html | null)[] {
  return line.values.map((value, index) => {
    if (value === null) return null;
    const top = y(value);
    const troubled = trouble?.has(windows[index]?.startMs ?? 0) === true;
    return html`<rect
      class="volume${troubled ? " trouble" : ""}"
      x="${fixed(index * step + step * 0.12)}"
      y="${fixed(top)}"
      width="${fixed(step * 0.76)}"
      height="${fixed(height - top)}"
    />`;
  });
}

function lineSummary({ name, values }: ChartLine, format: (value: number) => string): string {
  const known = values.filter((value) => value !== null);
  const first = known[0];
  const last = known.at(-1);
  if (first === undefined || last === undefined) return `${name}: not measured`;
  return `${name}: from ${format(first)} to ${format(last)}, between ${format(Math.min(...known))} and ${format(Math.max(...known))}`;
}

function numbersTable({ title, windows, lines }: TimeChart, format: (value: number) => string): Html {
  const rows = windows
    .map(
      (window, index) =>
        html`<tr>
          <th scope="row">${windowText(window)}</th>
          ${lines.map((line) => {
            const value = line.values[index] ?? null;
            return html`<td class="number">
              ${value === null ? "not measured" : format(value)}${intervalText(line, index, format)}${line.doubtful?.[index] === true ? " (few rows)" : null}
            </td>`;
          })}
        </tr>`,
    )
    .toReversed();
  const table = scrollTable({
    label: `Numbers of ${title}`,
    columns: ["Window (UTC)", ...lines.map((line) => ({ name: line.name, kind: "number" as const }))],
    rows,
  });
  return html`<details>
    <summary>Numbers<span class="visually-hidden"> of ${title}</span></summary>
    ${table}
  </details>`;
}

function intervalText({ low, high }: ChartLine, index: number, format: (value: number) => string): Html | null {
  const [from, to] = [low?.[index] ?? null, high?.[index] ?? null];
  return from === null || to === null ? null : html` <span class="faint">${format(from)} to ${format(to)}</span>`;
}

function fixed(value: number): string {
  return String(Math.round(value * 100) / 100);
}
