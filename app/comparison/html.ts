import { number, percent } from "../../detectors/comparison/explanation.ts";
import { methods } from "../../detectors/methods/registry.ts";
import { numericBars, type BarPair } from "./bars.ts";
import type { ComparedColumn, IllustratedComparison, Picture } from "./comparison.ts";
import { stylesheet } from "./stylesheet.ts";
import { decisionWords, inOrder, shortNumber, summaryText } from "./terminal.ts";

/** Pages with more drawn columns than this are slow to open; drifted ones come first. */
const maxPictures = 300;

/** The comparison as one HTML file: no script, nothing loaded from elsewhere, light and dark. */
export function comparisonPage({ comparison, pictures }: IllustratedComparison): string {
  const { reference, current, columns, verdict } = comparison;
  const sorted = inOrder(columns);
  const drawn = sorted.slice(0, maxPictures);
  const left = sorted.length - drawn.length;
  const title = `${decisionWords[verdict]}: ${reference.source} → ${current.source}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="Leeway">
<title>${text(title)}</title>
<style>${stylesheet}</style>
</head>
<body>
<header>
<h1>${verdictSentence(columns, verdict)}</h1>
<dl class="files">
<div><dt><span class="key reference"></span>Reference</dt><dd>${text(reference.source)} <span class="faint">${rowCount(reference.rows)}</span></dd></div>
<div><dt><span class="key current"></span>Current</dt><dd>${text(current.source)} <span class="faint">${rowCount(current.rows)}</span></dd></div>
</dl>
<p class="faint">${text(summaryText(columns))}</p>
</header>
<main>
${overview(sorted, drawn.length)}
${drawn.map((column, index) => section(column, index, pictures.get(column.name))).join("\n")}
${left > 0 ? `<p class="faint">${left.toLocaleString("en-US")} more columns are in the table only: a page that draws them all would be slow to open. Choose some with --columns.</p>` : ""}
</main>
<footer class="faint">
<p>A column is <b>drift</b> if its difference is beyond chance <em>and</em> surely larger than 2 % of its rows (0.3 % for missing and new values). Bars show shares of the values that are there. “Moved” is the share of rows that lie elsewhere than in the reference; the whisker is its 90 % bounds on either side.</p>
<p>Made by Leeway, leeway compare.</p>
</footer>
</body>
</html>
`;
}

function verdictSentence(columns: readonly ComparedColumn[], verdict: "ok" | "drift" | "insufficient_data"): string {
  const drifted = columns.filter(({ decision }) => decision === "drift").length;
  const badge = `<span class="badge ${verdict}">${decisionWords[verdict]}</span>`;
  if (verdict === "drift") {
    return `${badge} ${drifted.toLocaleString("en-US")} of ${columns.length.toLocaleString("en-US")} columns ${drifted === 1 ? "has" : "have"} drifted`;
  }
  return verdict === "ok" ? `${badge} No column has drifted` : `${badge} Nothing could be decided`;
}

function overview(columns: readonly ComparedColumn[], linked: number): string {
  // One scale for all, and a small change stays visible.
  const largest = Math.max(0.1, ...columns.map(({ effect }) => effect?.high ?? 0));
  const rows = columns.map((column, index) => {
    const { name, type, decision, effect } = column;
    const label = index < linked ? `<a href="#c${index}">${text(name)}</a>` : text(name);
    const moved = effect === null ? "–" : percent(effect.value);
    return `<tr><th scope="row">${label}</th><td class="type">${type}</td><td><span class="badge ${decision}">${decisionWords[decision]}</span></td><td class="number">${moved}</td><td class="bar">${effectBar(effect, largest, decision)}</td><td class="number missing">${missingChange(column)}</td></tr>`;
  });
  return `${scroller("All columns")}<table>
<thead><tr><th scope="col">Column</th><th scope="col" class="type">Type</th><th scope="col">Decision</th><th scope="col" class="number">Moved</th><td class="bar"></td><th scope="col" class="number missing">Missing</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody></table></div>`;
}

function effectBar(effect: ComparedColumn["effect"], largest: number, decision: ComparedColumn["decision"]): string {
  if (effect === null) return "";
  const x = (share: number) => (100 * Math.min(1, share / largest)).toFixed(2);
  return `<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="fill ${decision}" x="0" y="2" width="${x(effect.value)}" height="6"/><path class="whisker" d="M${x(effect.low)} 5H${x(effect.high)}"/></svg>`;
}

function missingShare({ rows, missing }: ComparedColumn["reference"]): number | null {
  return rows === 0 ? null : missing / rows;
}

function missingChange({ reference, current }: ComparedColumn): string {
  const [before, now] = [missingShare(reference), missingShare(current)];
  if (before === now) return before === null ? "–" : percent(before);
  return `${before === null ? "–" : percent(before)} → ${now === null ? "–" : percent(now)}`;
}

/** Missing values beside the distribution of those that are there. */
function missingBars({ reference, current }: ComparedColumn): string {
  const bar = {
    name: "missing",
    kind: "rest" as const,
    reference: missingShare(reference) ?? 1,
    current: missingShare(current) ?? 1,
  };
  return bar.reference + bar.current > 0 ? `<ul class="categories missing">${categoryRow(bar, 1)}</ul>` : "";
}

function section(column: ComparedColumn, index: number, picture: Picture | undefined): string {
  const { name, type, decision, explanation, reference, current } = column;
  const scores = methods.flatMap(({ name: method, title }) => {
    const score = column.methods[method];
    if (score === undefined) return [];
    const threshold = score.threshold === null ? "–" : shortNumber(score.threshold);
    const p = score.pValue === null ? "–" : shortNumber(score.pValue);
    return [
      `<tr><th scope="row">${text(title)}</th><td class="number">${shortNumber(score.score)}</td><td class="number">${threshold}</td><td class="number">${p}</td></tr>`,
    ];
  });
  const side = (values: ComparedColumn["reference"]) =>
    `<td class="number">${values.rows.toLocaleString("en-US")}</td><td class="number">${values.missing.toLocaleString("en-US")}</td><td class="number">${values.distinct.toLocaleString("en-US")}</td>`;
  return `<section id="c${index}">
<h2>${text(name)} <span class="badge ${decision}">${decisionWords[decision]}</span> <span class="faint type">${type}</span></h2>
<p>${text(explanation)}</p>
${picture === undefined ? "" : drawing(picture, name)}
${reference.rows > 0 && current.rows > 0 ? missingBars(column) : ""}
<details><summary>Numbers</summary>
<div class="tables">${scroller(`Rows of ${name}`)}<table><thead><tr><td></td><th scope="col" class="number">Rows</th><th scope="col" class="number">Missing</th><th scope="col" class="number">Different</th></tr></thead>
<tbody><tr><th scope="row">Reference</th>${side(reference)}</tr><tr><th scope="row">Current</th>${side(current)}</tr></tbody></table></div>
${scores.length === 0 ? "" : `${scroller(`Scores of ${name}`)}<table><thead><tr><th scope="col">Method</th><th scope="col" class="number">Score</th><th scope="col" class="number">Threshold</th><th scope="col" class="number">p</th></tr></thead><tbody>${scores.join("")}</tbody></table></div>`}</div>
</details>
</section>`;
}

/** A table that is too wide for a phone scrolls in itself, by keyboard too. */
function scroller(label: string): string {
  return `<div class="scroll" tabindex="0" role="region" aria-label="${text(label)}">`;
}

function drawing(picture: Picture, name: string): string {
  switch (picture.kind) {
    case "numeric":
      return numericDrawing(picture, name);
    case "categorical":
      return categoricalDrawing(picture, name);
    case "time":
      return timeDrawing(picture);
  }
}

const plotHeight = 100;

function numericDrawing(picture: Extract<Picture, { kind: "numeric" }>, name: string): string {
  const { bars, ticks } = numericBars(picture);
  const largest = Math.max(1e-12, ...bars.flatMap(({ reference, current }) => [reference, current]));
  const pair = ({ label, reference, current }: BarPair, index: number): string => {
    const height = (share: number) => (share / largest) * plotHeight;
    const bar = (share: number, x: number, of: string) =>
      `<rect class="${of}" x="${x}" y="${(plotHeight - height(share)).toFixed(2)}" width="4.2" height="${height(share).toFixed(2)}"/>`;
    const x = index * 10;
    return `<g><title>${text(`${label}: ${percent(reference)} → ${percent(current)}`)}</title><rect class="hover" x="${x}" y="0" width="10" height="${plotHeight}"/>${bar(reference, x + 0.6, "reference")}${bar(current, x + 5.0, "current")}</g>`;
  };
  return `<figure><svg class="plot" viewBox="0 0 ${bars.length * 10} ${plotHeight}" preserveAspectRatio="none" role="img" aria-label="${text(`Distribution of ${name} in both files`)}">${bars.map(pair).join("")}</svg>
<div class="ticks" aria-hidden="true">${ticks.map((tick) => `<span>${text(tick)}</span>`).join("")}</div></figure>`;
}

function categoricalDrawing(picture: Extract<Picture, { kind: "categorical" }>, name: string): string {
  const largest = Math.max(1e-12, ...picture.bars.flatMap(({ reference, current }) => [reference, current]));
  const rows = picture.bars.map((bar) => categoryRow(bar, largest));
  return `<ul class="categories" aria-label="${text(`Categories of ${name} in both files`)}">${rows.join("")}</ul>`;
}

function categoryRow(bar: Extract<Picture, { kind: "categorical" }>["bars"][number], largest: number): string {
  const width = (share: number) => ((share / largest) * 100).toFixed(2);
  const tag = bar.kind === "new" ? ` <span class="badge new">new</span>` : "";
  const label = bar.name === "" ? "(empty text)" : bar.name;
  const faint = bar.kind === "rest" ? " faint" : "";
  const bars = `<rect class="reference" x="0" y="1" width="${width(bar.reference)}" height="6"/><rect class="current" x="0" y="9" width="${width(bar.current)}" height="6"/>`;
  return `<li><span class="name${faint}" title="${text(label)}">${text(label)}${tag}</span><svg viewBox="0 0 100 16" preserveAspectRatio="none" aria-hidden="true">${bars}</svg><span class="number">${percent(bar.reference)} → ${percent(bar.current)}</span></li>`;
}

function timeDrawing({ reference, current }: Extract<Picture, { kind: "time" }>): string {
  const range = (side: readonly [number, number] | null) =>
    side === null ? "no value" : `${timeText(side[0])} to ${timeText(side[1])}`;
  return `<dl class="files"><div><dt><span class="key reference"></span>Reference</dt><dd>${range(reference)}</dd></div><div><dt><span class="key current"></span>Current</dt><dd>${range(current)}</dd></div></dl>`;
}

function timeText(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime())
    ? number(ms)
    : date
        .toISOString()
        .replace("T", " ")
        .replace(/(:00)?\.000Z$/, " UTC");
}

function rowCount(rows: number): string {
  return `${rows.toLocaleString("en-US")} row${rows === 1 ? "" : "s"}`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text of others in HTML, as content or in a quoted attribute; control characters become visible. */
function text(value: string): string {
  return (
    value
      .replaceAll(/[&<>"']/g, (character) => entities[character]!)
      // eslint-disable-next-line no-control-regex
      .replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, "\u{fffd}")
  );
}
