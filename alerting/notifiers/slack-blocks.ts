import type { IncidentMessage } from "../message.ts";
import { isOver, messageHeading, messageSections } from "../text/message-text.ts";
import type { MessageSection } from "../text/message-text.ts";

/** The blocks that Leeway uses, as https://docs.slack.dev/reference/block-kit/blocks defines them. */
export type SlackBlock =
  | { readonly type: "header"; readonly text: { type: "plain_text"; text: string; emoji: false } }
  | { readonly type: "section"; readonly text: SlackText }
  | { readonly type: "context"; readonly elements: readonly SlackText[] }
  | {
      readonly type: "rich_text";
      readonly elements: readonly [
        { readonly type: "rich_text_preformatted"; readonly elements: readonly [{ type: "text"; text: string }] },
      ];
    };

/** `verbatim`: Slack looks for no names, channels and addresses in it of its own accord. */
interface SlackText {
  readonly type: "mrkdwn";
  readonly text: string;
  readonly verbatim: true;
}

/** What `chat.postMessage`, `chat.update` and webhooks take. `text` is what a telephone's lock screen shows. */
export interface SlackContent {
  readonly text: string;
  readonly blocks: readonly SlackBlock[];
}

/**
 * Characters that each part may have. Slack allows 150 in a header and 3,000 in a text, but together no more than about
 * 13,000 (`msg_blocks_too_long`, which is documented nowhere): these sum up to less, so nothing is ever refused for its
 * length, however long names are.
 */
const limits = {
  heading: 150,
  text: 400,
  sections: { now: 800, what: 1400, "for whom": 1400, since: 200, predictions: 200, also: 1400, next: 1400 },
  query: 1200,
  link: 1000,
  context: 400,
} as const;

const sectionNames: Readonly<Record<MessageSection["name"], string>> = {
  now: "Now",
  what: "What",
  "for whom": "For whom",
  since: "Since",
  predictions: "Predictions",
  also: "Also",
  next: "Next",
};

/** An incident as one message; edited, it is made anew as a whole. */
export function incidentContent(message: IncidentMessage, mention: string | null): SlackContent {
  const heading = headingText(message);
  const blocks: SlackBlock[] = [
    { type: "header", text: { type: "plain_text", text: cut(heading, limits.heading), emoji: false } },
  ];
  // A header is cut sooner than people write names: then the whole title follows.
  if (heading.length > limits.heading) blocks.push(section(mrkdwn(message.title, limits.sections.what)));
  if (mention !== null) blocks.push(section(mention));
  for (const { name, texts } of messageSections(message)) {
    const lines = name === "next" ? texts.map((step, index) => `${index + 1}. ${step}`) : texts;
    const room = Math.floor(limits.sections[name] / lines.length);
    blocks.push(section([`*${sectionNames[name]}*`, ...lines.map((line) => mrkdwn(line, room))].join("\n")));
  }
  // A command that is cut is none: who wants it follows the link.
  if (!isOver(message) && message.query !== "" && message.query.length <= limits.query) {
    const elements = [{ type: "text", text: message.query }] as const;
    blocks.push({ type: "rich_text", elements: [{ type: "rich_text_preformatted", elements }] });
  }
  blocks.push({ type: "context", elements: [text(contextText(message))] });
  return { text: mrkdwn(heading, limits.text), blocks };
}

/** One change of an incident, as its thread tells it. */
export function changeContent(message: IncidentMessage, mention: string | null): SlackContent {
  const [first] = messageSections(message);
  const lines = [
    ...(mention === null ? [] : [mention]),
    `*${mrkdwn(headingText(message), limits.sections.what)}*`,
    ...(first?.texts ?? []).map((line) => mrkdwn(line, 500)),
  ];
  return { text: mrkdwn(headingText(message), limits.text), blocks: [section(lines.join("\n"))] };
}

function headingText(message: IncidentMessage): string {
  const { label, text: title } = messageHeading(message);
  return oneLine(`${signs[label] ?? "⚪"} ${label}  ${title}`);
}

const signs: Readonly<Record<string, string>> = { PAGE: "🔴", TICKET: "🟡", OVER: "✅", DRILL: "🧪" };

function contextText(message: IncidentMessage): string {
  const address = linkAddress(message.link);
  const linked = /^https?:\/\//.test(address) && address.length <= limits.link;
  const link = linked ? `<${address}|Open the incident>` : "";
  const facts = [`incident ${message.incidentId}`, `model ${message.model}`, message.environment];
  return [link, mrkdwn(facts.join("  ·  "), limits.context)].filter((part) => part !== "").join("  ·  ");
}

function section(content: string): SlackBlock {
  return { type: "section", text: text(content) };
}

function text(content: string): SlackText {
  return { type: "mrkdwn", text: content, verbatim: true };
}

/** Nothing in an address may end it. */
function linkAddress(link: string): string {
  return link.replaceAll(/[<>|&@\s]/g, (character) => (character === "&" ? "&amp;" : encodeURIComponent(character)));
}

/**
 * Text of others (features, categories and models have whatever names their owners gave them) as mrkdwn that says
 * exactly that: no mention, no link, no formatting, one line. Slack escapes `&`, `<` and `>` alone
 * (https://docs.slack.dev/messaging/formatting-message-text), so characters that format give way to ones that look
 * alike, and `@here` gets a word joiner that nobody sees.
 *
 * @param room Characters at most, after escaping; what is longer ends in `…`.
 */
export function mrkdwn(raw: string, room: number): string {
  const line = oneLine(raw)
    .replaceAll(/@(?=here|channel|everyone|group)/gi, "@\u2060")
    .replaceAll(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\u02cd");
  let escaped = "";
  for (const character of line) {
    const piece = replacements[character] ?? character;
    // Room for the ellipsis is kept throughout: whether more follows is not known yet.
    if (escaped.length + piece.length > room - 1) return `${escaped}…`;
    escaped += piece;
  }
  return escaped;
}

const replacements: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "*": "\u2217",
  "~": "\u223c",
  "`": "\u02cb",
};

/** Without line breaks, control characters, and the marks that turn the direction of what follows. */
function oneLine(raw: string): string {
  return raw.replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, " ").toWellFormed();
}

function cut(raw: string, room: number): string {
  if (raw.length <= room) return raw;
  return `${raw.slice(0, room - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}
