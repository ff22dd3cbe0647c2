import type { Share } from "../../core/finding.ts";
import type { FindingMessage, IncidentMessage } from "../message.ts";
import { alikeText } from "./finding-text.ts";
import { shareText } from "./quantities.ts";

const width = 100;
const labelWidth = 13;
const listed = 3;
/** Below, a change happened within the values of every attribute, which is what one expects. */
const toldMix = 0.5;

/** One part of a message: its name, and paragraphs. */
export interface MessageSection {
  readonly name: "now" | "what" | "for whom" | "since" | "predictions" | "also" | "next";
  readonly texts: readonly string[];
}

/** What a message says, in the order of telling; every notifier shows the same. Command and link are beside it. */
export function messageSections(message: IncidentMessage): readonly MessageSection[] {
  const { findings, since, predictions } = message;
  const [lead, ...others] = findings as readonly [FindingMessage, ...FindingMessage[]];
  const sections: readonly MessageSection[] = isOver(message)
    ? [
        { name: "now", texts: [lead.change ?? lead.size] },
        { name: "since", texts: [since.text] },
      ]
    : [
        { name: "what", texts: whatLines(lead) },
        { name: "for whom", texts: forWhomLines(lead) },
        { name: "since", texts: [since.text] },
        { name: "predictions", texts: [predictions.text] },
      ];
  const rest: readonly MessageSection[] = [
    { name: "also", texts: alsoLines(others) },
    { name: "next", texts: message.nextSteps },
  ];
  return [...sections, ...rest].filter(({ texts }) => texts.length > 0);
}

/** It has ended, or never was. */
export function isOver({ status }: Pick<IncidentMessage, "status">): boolean {
  return status === "ended" || status === "withdrawn";
}

/** `PAGE  flight-delay (production): hour changed` as its parts. */
export function messageHeading(message: IncidentMessage): { readonly label: string; readonly text: string } {
  if (message.drill === true) return { label: "DRILL", text: message.title.replace(/^DRILL: /, "") };
  const label = isOver(message) ? "OVER" : message.severity.toUpperCase();
  return { label, text: `${message.model} (${message.environment}): ${message.title}` };
}

/** A message as plain text, aligned, at most 100 columns wide (a word longer than that stands alone). No colour. */
export function messageText(message: IncidentMessage): string {
  const heading = messageHeading(message);
  const lines = [...wrapped(`${heading.label}  ${heading.text}`, "", "")];
  const section = (name: string, texts: readonly string[], hanging = 0) => {
    for (const [index, text] of texts.entries()) {
      const head = (index === 0 ? `  ${name}` : "").padEnd(labelWidth + 2);
      lines.push(...wrapped(text, head, " ".repeat(labelWidth + 2 + hanging)));
    }
  };

  for (const { name, texts } of messageSections(message)) {
    if (name !== "next") section(name, texts);
    else {
      section(
        name,
        texts.map((step, index) => `${index + 1}. ${step}`),
        3,
      );
    }
  }
  if (!isOver(message)) section("rows", [unbroken(message.query)]);
  section("link", [message.link]);
  return lines.join("\n");
}

function whatLines(finding: FindingMessage): readonly string[] {
  const subject = changeText(finding);
  const provisional = finding.provisional ? ["provisional: learnt live, without history to compare with"] : [];
  return [subject, `${finding.size}; ${finding.rows}`, ...provisional];
}

function changeText(finding: FindingMessage): string {
  if (finding.change === null) return finding.headline;
  return finding.signal === "silence" ? finding.change : `${finding.name}: ${finding.change}`;
}

/** Bins, categories and slices that changed the most; what the line above says already is left out. */
function forWhomLines(finding: FindingMessage): readonly string[] {
  const before = (share: Share) => `${share.name} ${shareText(share.reference)} → ${shareText(share.current)}`;
  const slice = (share: Share) =>
    share.carried === undefined ? before(share) : `${share.name} ${shareText(share.carried)} of the change`;
  const contributors = finding.contributors.filter((share) => finding.change?.startsWith(`${share.name} `) !== true);
  const lines: string[] = [];
  if (contributors.length > 0) lines.push(`values: ${contributors.slice(0, listed).map(before).join(", ")}`);
  if (finding.slices.length > 0) lines.push(`slices: ${finding.slices.slice(0, listed).map(slice).join(", ")}`);
  const alike = alikeText(finding.alike ?? []);
  if (alike !== null) lines.push(alike);
  const [mixed] = finding.mix ?? [];
  if (mixed !== undefined && mixed.part >= toldMix) {
    const rest = mixed.part >= 1 ? "" : ", the rest from within its values";
    lines.push(`mix: ${shareText(Math.min(1, mixed.part))} comes of another mix of ${mixed.attribute}${rest}`);
  }
  return lines;
}

function alsoLines(findings: readonly FindingMessage[]): readonly string[] {
  if (findings.length === 0) return [];
  const shown = findings.slice(0, listed).map((finding) => {
    const closed = finding.state === "closed" ? ", closed" : finding.state === "withdrawn" ? ", withdrawn" : "";
    return `${changeText(finding)}${closed}`;
  });
  const rest = findings.slice(listed).map((finding) => finding.name);
  const named = rest.slice(0, 8).join(", ");
  const unnamed = rest.length > 8 ? " …" : "";
  return rest.length === 0 ? shown : [...shown, `and ${rest.length} more: ${named}${unnamed}`];
}

/** Stands for a space that no line may break at. */
const fixedSpace = "\ue000";

/** The command itself, and what stands between SQL's quotes, is one word: a line break would change it. */
function unbroken(query: string): string {
  return query
    .replace(/^[^']*/, (command) => command.replaceAll(" ", fixedSpace))
    .replaceAll(/(\$\w*\$).*?\1|`(?:\\.|[^`\\])*`/gs, (quoted) => quoted.replaceAll(" ", fixedSpace));
}

/** Breaks at spaces, but not between a number and its `%`. */
function wrapped(text: string, firstIndent: string, indent: string): readonly string[] {
  const words = text.replaceAll(" %", `${fixedSpace}%`).split(" ");
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
  return lines.map((each) => each.replaceAll(fixedSpace, " "));
}
