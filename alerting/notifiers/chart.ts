import { join } from "node:path";
import type { Share } from "../../core/finding.ts";
import type { FindingMessage } from "../message.ts";
import { shareText } from "../text/quantities.ts";

const width = 480;
const margin = 18;
const labelWidth = 124;
const rowHeight = 46;
const barHeight = 15;
const headHeight = 78;
const shownAtMost = 8;
const colours = {
  ink: "#1f2933",
  faint: "#616e7c",
  line: "#d9dee4",
  reference: "#9aa5b1",
  current: "#d64545",
} as const;

/**
 * The finding's reference against its current window as an SVG of 480 pixels' width: a pair of bars for each bin or
 * category that changed the most. Light on its own ground, so that it reads the same in dark mode. The same finding gives
 * the same bytes.
 *
 * @returns Null if the evidence holds no shares to draw.
 */
export function findingChart(finding: FindingMessage): { readonly svg: string; readonly text: string } | null {
  const shares = chartShares(finding);
  if (shares.length === 0) return null;
  const height = headHeight + shares.length * rowHeight + 14;
  const longest = Math.max(...shares.flatMap(({ reference, current }) => [reference, current]), 1e-9);
  const room = width - 2 * margin - labelWidth - 62;
  const left = margin + labelWidth;
  const bar = (share: number, top: number, colour: string) => {
    const length = Math.max(1, (share / longest) * room);
    return `<rect x="${left}" y="${top}" width="${length.toFixed(1)}" height="${barHeight}" rx="2" fill="${colour}"/><text x="${(left + length + 7).toFixed(1)}" y="${top + 12}" font-size="12" fill="${colours.ink}">${escapeXml(shareText(share))}</text>`;
  };
  const rows = shares.map((share, index) => {
    const top = headHeight + index * rowHeight;
    const label = `<text x="${left - 12}" y="${top + 20}" font-size="13" text-anchor="end" fill="${colours.ink}">${escapeXml(fitted(share.name, 16))}</text>`;
    return `${label}${bar(share.reference, top, colours.reference)}${bar(share.current, top + barHeight + 2, colours.current)}`;
  });
  const legend = (x: number, colour: string, name: string) =>
    `<rect x="${x}" y="46" width="11" height="11" rx="2" fill="${colour}"/><text x="${x + 17}" y="56" font-size="12" fill="${colours.faint}">${name}</text>`;
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="Open Sans">`,
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6" fill="#ffffff" stroke="${colours.line}"/>`,
    `<text x="${margin}" y="31" font-size="16" font-weight="600" fill="${colours.ink}">${escapeXml(fitted(finding.name, 36))}, share of rows</text>`,
    legend(margin, colours.reference, "reference"),
    legend(margin + 100, colours.current, "current window"),
    ...rows,
    "</svg>",
  ].join("\n");
  const text = shares.map(({ name, reference, current }) => `${name} ${shareText(reference)} → ${shareText(current)}`);
  return { svg, text: `${finding.name}, share of rows: ${text.join(", ")}` };
}

function chartShares(finding: FindingMessage): readonly Share[] {
  if (finding.signal === "missing") {
    return [{ name: "no value", reference: finding.reference, current: finding.current }];
  }
  const drawable = finding.contributors.filter(({ reference, current }) =>
    [reference, current].every((share) => Number.isFinite(share) && share >= 0),
  );
  return drawable.slice(0, shownAtMost);
}

/** The SVG as a PNG of twice its size, for sharp screens. Fonts are Leeway's own, whatever the machine has. */
export async function chartPng(svg: string): Promise<Buffer> {
  // Loaded when it is needed: most processes draw nothing.
  const { renderAsync } = await import("@resvg/resvg-js");
  const fonts = ["OpenSans-Regular.ttf", "OpenSans-SemiBold.ttf"];
  const image = await renderAsync(svg, {
    fitTo: { mode: "zoom", value: 2 },
    font: {
      loadSystemFonts: false,
      fontFiles: fonts.map((file) => join(import.meta.dirname, "fonts", file)),
      defaultFontFamily: "Open Sans",
    },
  });
  return image.asPng();
}

function fitted(name: string, characters: number): string {
  const points = [...name];
  return points.length <= characters ? name : `${points.slice(0, characters - 1).join("")}…`;
}

/** Also without what XML cannot hold at all. */
function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\ufffe\uffff]/gu, " ")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
