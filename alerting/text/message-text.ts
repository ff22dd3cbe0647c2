import type { Share } from "../../core/finding.ts";
import type { FindingMessage, IncidentMessage } from "../message.ts";
import { shareText } from "./quantities.ts";

const width = 100;
const labelWidth = 13;
const listed = 3;

/** A message as plain text, aligned, at most 100 columns wide (a word longer than that stands alone). No colour. */
export function messageText(message: IncidentMessage): string {
  const { findings, since, predictions } = message;
  const over = message.status === "ended" || message.status === "withdrawn";
  const [lead, ...others] = findings as readonly [FindingMessage, ...FindingMessage[]];
  const lines = [
    ...wrapped(
      `${message.severity.toUpperCase()}  ${message.model} (${message.environment}): ${message.title}`,
      "",
      "",
    ),
  ];
  const section = (label: string, texts: readonly string[]) => {
    for (const [index, text] of texts.entries()) {
      const head = (index === 0 ? `  ${label}` : "").padEnd(labelWidth + 2);
      lines.push(...wrapped(text, head, " ".repeat(labelWidth + 2)));
    }
  };

  section("what", whatLines(lead));
  if (!over) section("for whom", forWhomLines(lead));
  section("since", [since.text]);
  if (!over) section("predictions", [predictions.text]);
  section("also", alsoLines(others));
  section(
    "next",
    message.nextSteps.map((step, index) => `${index + 1}. ${step}`),
  );
  if (!over) section("rows", [message.query]);
  section("link", [message.link]);
  return lines.join("\n");
}

function whatLines(finding: FindingMessage): readonly string[] {
  const subject = finding.change === null ? finding.headline : `${finding.name}: ${finding.change}`;
  const provisional = finding.provisional ? ["provisional: learnt live, without history to compare with"] : [];
  return [subject, `${finding.size}; ${finding.rows}`, ...provisional];
}

/** Bins, categories and slices that changed the most; what the line above says already is left out. */
function forWhomLines(finding: FindingMessage): readonly string[] {
  const before = (share: Share) => `${share.name} ${shareText(share.reference)} → ${shareText(share.current)}`;
  const contributors = finding.contributors.filter((share) => finding.change?.includes(share.name) !== true);
  const lines: string[] = [];
  if (contributors.length > 0) lines.push(`values: ${contributors.slice(0, listed).map(before).join(", ")}`);
  if (finding.slices.length > 0) lines.push(`slices: ${finding.slices.slice(0, listed).map(before).join(", ")}`);
  return lines;
}

function alsoLines(findings: readonly FindingMessage[]): readonly string[] {
  if (findings.length === 0) return [];
  const shown = findings.slice(0, listed).map((finding) => {
    const closed = finding.state === "closed" ? ", closed" : finding.state === "withdrawn" ? ", withdrawn" : "";
    return `${finding.name}: ${finding.change ?? finding.headline}${closed}`;
  });
  const rest = findings.slice(listed).map((finding) => finding.name);
  const named = rest.slice(0, 8).join(", ");
  const unnamed = rest.length > 8 ? " …" : "";
  return rest.length === 0 ? shown : [...shown, `and ${rest.length} more: ${named}${unnamed}`];
}

/** Breaks at spaces, but not between a number and its `%`. */
function wrapped(text: string, firstIndent: string, indent: string): readonly string[] {
  const words = text.replaceAll(" %", "\u00a0%").split(" ");
  const lines: string[] = [];
  let line = firstIndent;
  let empty = true;
  for (const word of words) {
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  lines.push(line);
  return lines.map((each) => each.replaceAll("\u00a0%", " %"));
}
