import type { IncidentMessage } from "../message.ts";
import { isOver, messageHeading, messageSections, messageText } from "../text/message-text.ts";

/** What a mail of an incident says: complete as plain text, and as HTML for who prefers that. */
export interface EmailBody {
  /** The same for every mail of an incident, since mail programs thread by it. */
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** @param chart The picture's content id and what it says in words; null without one. */
export function emailBody(
  message: IncidentMessage,
  chart: { readonly cid: string; readonly text: string } | null,
): EmailBody {
  return { subject: emailSubject(message), text: `${messageText(message)}\n`, html: html(message, chart) };
}

const conditions: Readonly<Record<string, string>> = {
  LeewayValuesMissing: "values missing",
  LeewayUnseenValues: "unseen values",
  LeewaySilence: "no events",
  LeewayInputMoved: "input moved",
  LeewayPredictionsMoved: "predictions moved",
};

/** From the labels, which are fixed with the first notification: titles, severities and states change. */
function emailSubject(message: IncidentMessage): string {
  const { labels, model, environment, incidentId } = message;
  const condition = conditions[labels["alertname"] ?? ""] ?? "drift";
  const feature = labels["feature"] === undefined ? "" : `: ${labels["feature"]}`;
  const mark = message.drill === true ? "[DRILL] " : "";
  const subject = `${mark}${model} (${environment}) ${condition}${feature} [${incidentId.slice(0, 8)}]`;
  return subject
    .toWellFormed()
    .replaceAll(/\p{Cc}+/gu, " ")
    .slice(0, 200)
    .toWellFormed();
}

const colours = { PAGE: "#b42318", TICKET: "#8a5a00", OVER: "#1a7f37", DRILL: "#5b3fa8", NONE: "#4b5563" } as const;
const font = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";

/**
 * Tables and inline styles, which is what mail programs understand; those that know dark mode get it by the classes. No
 * address is loaded from anywhere.
 */
function html(message: IncidentMessage, chart: { readonly cid: string; readonly text: string } | null): string {
  const { label, text: title } = messageHeading(message);
  const colour = colours[label as keyof typeof colours] ?? colours.NONE;
  const row = (name: string, cells: string) =>
    `<tr><td class="faint" style="padding:10px 16px 0 24px;width:92px;vertical-align:top;color:#5b6673;font:13px/20px ${font}">${name}</td><td class="ink" style="padding:10px 24px 0 0;vertical-align:top;color:#1f2933;font:14px/20px ${font};overflow-wrap:anywhere">${cells}</td></tr>`;
  const sections = messageSections(message).map(({ name, texts }) => {
    const lines = name === "next" ? texts.map((step, index) => `${index + 1}. ${step}`) : texts;
    return row(
      name,
      lines.map((line) => `<div style="padding-bottom:4px">${unbroken(escapeHtml(line))}</div>`).join(""),
    );
  });
  const picture =
    chart === null
      ? ""
      : `<tr><td colspan="2" style="padding:16px 24px 0"><img src="cid:${chart.cid}" width="552" alt="${escapeHtml(chart.text)}" style="display:block;width:100%;max-width:552px;height:auto;border:0"></td></tr>`;
  const rows = isOver(message)
    ? ""
    : row(
        "rows",
        `<div class="code" style="padding:8px 10px;border-radius:4px;background:#f1f4f7;font:12px/17px Consolas,Menlo,monospace;overflow-wrap:anywhere">${escapeHtml(message.query)}</div>`,
      );
  const link = /^https?:\/\//.test(message.link)
    ? `<tr><td colspan="2" style="padding:20px 24px 24px"><a href="${escapeHtml(message.link)}" style="display:inline-block;padding:9px 16px;border-radius:4px;background:#1f5fa8;color:#ffffff;text-decoration:none;font:600 14px/20px ${font}">Open the incident</a></td></tr>`
    : "";
  const footer = `incident ${escapeHtml(message.incidentId)} of ${escapeHtml(message.model)} (${escapeHtml(message.environment)}), sent by Leeway`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">
<title>${escapeHtml(title)}</title>
<style>:root{color-scheme:light dark}@media (prefers-color-scheme:dark){.page{background:#111519!important}.card{background:#1b2127!important;border-color:#333c46!important}.ink{color:#e6eaee!important}.faint{color:#a3adb8!important}.code{background:#262e36!important;color:#e6eaee!important}}</style></head>
<body class="page" style="margin:0;padding:0;background:#f4f6f8">
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" style="background:#f4f6f8"><tr><td align="center" style="padding:16px 8px">
<table role="presentation" class="card" width="600" cellpadding="0" cellspacing="0" style="width:100%;max-width:600px;background:#ffffff;border:1px solid #d9dee4;border-radius:6px;border-collapse:separate">
<tr><td colspan="2" style="padding:20px 24px 6px"><span style="display:inline-block;padding:2px 9px;border-radius:3px;background:${colour};color:#ffffff;font:700 12px/18px ${font};letter-spacing:.04em">${escapeHtml(label)}</span></td></tr>
<tr><td colspan="2" class="ink" style="padding:2px 24px 0;color:#1f2933;font:600 18px/25px ${font};overflow-wrap:anywhere">${escapeHtml(title)}</td></tr>
${picture}
${sections.join("\n")}
${rows}
${link}
</table>
<div class="faint" style="padding:10px 0;color:#5b6673;font:12px/18px ${font}">${footer}</div>
</td></tr></table></body></html>
`;
}

/** No line ends between a number and its `%`. */
function unbroken(html: string): string {
  return html.replaceAll(/(\d) %/g, "$1&nbsp;%");
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll(/[\u202a-\u202e\u2066-\u2069]/g, "");
}
