import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import * as z from "zod";
import type { IncidentMessage } from "../message.ts";
import { chartPng, findingChart } from "./chart.ts";
import { emailBody } from "./email-body.ts";
import { failureCode } from "./failure-code.ts";
import { defineNotifier } from "./notifier.ts";
import type { DeliveryResult } from "./notifier.ts";
import { readSecret } from "./secret-option.ts";
import { timeoutMs, timeoutOption } from "./timeout-option.ts";

const address = z.string().regex(/^[^\s@<>,;]+@[^\s@<>,;]+$/, "is not an address; write it as ops@example.com");
const recipients = z.union([address, z.array(address).min(1, "is an empty list; add an address")], {
  error: "is not an address or a list of addresses; write it as ops@example.com",
});

const options = z
  .strictObject({
    host: z.string().min(1).describe("SMTP server"),
    port: z.int().min(1).max(65_535).default(587).describe("587 for starttls, 465 for tls"),
    security: z
      .enum(["starttls", "tls", "none"])
      .default("starttls")
      .describe("starttls refuses a server without it; tls from the first byte; none is for a relay on this machine"),
    ca_file: z.string().optional().describe("certificates of the authorities to trust, PEM"),
    user: z.string().min(1).optional().describe("user name, if the server asks for one"),
    password: z.string().optional().describe("password; better in a file or a variable"),
    password_file: z.string().optional().describe("file that holds the password; read anew for each delivery"),
    from: address.describe("sender"),
    to: recipients.describe("one address, or a list"),
    timeout: timeoutOption.default("30s"),
  })
  .superRefine(({ user, password, password_file }, context) => {
    const secrets = [password, password_file].filter((option) => option !== undefined).length;
    if (secrets === 2)
      context.addIssue({ code: "custom", message: "has password and password_file; keep one of them" });
    else if (user !== undefined && secrets === 0) {
      context.addIssue({ code: "custom", message: "is missing; a user needs one", path: ["password_file"] });
    } else if (user === undefined && secrets === 1) {
      context.addIssue({ code: "custom", message: "is missing; a password needs one", path: ["user"] });
    }
  });

/**
 * Mail by SMTP: text, HTML and a chart. All mails of an incident form one thread. 4xx and broken connections are tried
 * again, 5xx is final; of several recipients some may be refused, and the rest has it.
 */
export const emailNotifier = defineNotifier({
  name: "email",
  summary: "sends mail by SMTP",
  options,
  destination: ({ to }) => [to].flat().join(", "),
  createNotifier: (email) => ({
    deliver: async (message, { idempotencyKey, signal }) => {
      const { host, port, security, user, ca_file: caFile, timeout } = email;
      const password = user === undefined ? null : await readSecret("password", email.password, email.password_file);
      if (password !== null && password.kind !== "secret") return password;
      let authorities: string | undefined;
      try {
        if (caFile !== undefined) authorities = await readFile(caFile, "utf8");
      } catch (error) {
        return { kind: "retryable", error: `ca_file could not be read (${failureCode(error)})` };
      }
      const limitMs = timeoutMs(timeout);
      // Loaded when it is needed: most services send no mail.
      const { createTransport } = await import("nodemailer");
      const transport = createTransport({
        host,
        port,
        secure: security === "tls",
        requireTLS: security === "starttls",
        ignoreTLS: security === "none",
        ...(user !== undefined && { auth: { user, pass: password?.text ?? "" } }),
        tls: { minVersion: "TLSv1.2", ...(authorities !== undefined && { ca: authorities }) },
        connectionTimeout: limitMs,
        greetingTimeout: limitMs,
        socketTimeout: limitMs,
        disableFileAccess: true,
        disableUrlAccess: true,
        // Its log would hold the dialogue with the server.
        logger: false,
      });
      const timer = AbortSignal.timeout(limitMs);
      try {
        const mail = await mailOf(message, idempotencyKey, email);
        const info = await orAborted(transport.sendMail(mail), AbortSignal.any([timer, signal]));
        const refused = info.rejected.length;
        const all = refused + info.accepted.length;
        return refused === 0 ? { kind: "ok" } : { kind: "ok", note: `${refused} of ${all} recipients were refused` };
      } catch (error) {
        if (timer.aborted) return { kind: "retryable", error: `no answer within ${timeout}` };
        if (signal.aborted) return { kind: "retryable", error: "stopped before the answer came" };
        return failure(error);
      } finally {
        transport.close();
      }
    },
  }),
});

async function mailOf(message: IncidentMessage, idempotencyKey: string, email: z.output<typeof options>) {
  const [lead] = message.findings;
  const chart = lead === undefined ? null : findingChart(lead);
  const digest = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 24);
  const domain = email.from.slice(email.from.lastIndexOf("@") + 1);
  // No mail has this id: all refer to it, so that they are one thread whichever of them a person got first.
  const thread = `<leeway.${digest(message.incidentId)}@${domain}>`;
  const cid = `chart.${digest(idempotencyKey)}@leeway`;
  const body = emailBody(message, chart === null ? null : { cid, text: chart.text });
  return {
    from: { name: "Leeway", address: email.from },
    to: [email.to].flat(),
    ...body,
    messageId: `<leeway.${digest(message.incidentId)}.${digest(idempotencyKey)}@${domain}>`,
    inReplyTo: thread,
    references: thread,
    priority: message.severity === "page" && message.drill !== true ? ("high" as const) : ("normal" as const),
    headers: {
      "Auto-Submitted": "auto-generated",
      "X-Auto-Response-Suppress": "All",
      "List-Id": `<${listLabel(message.model)}.leeway.${domain}>`,
      "X-Leeway-Severity": message.severity,
      "X-Leeway-Reason": message.reason,
      "X-Leeway-Incident": printable(message.incidentId),
    },
    attachments:
      chart === null
        ? []
        : [
            {
              filename: "chart.png",
              cid,
              content: await chartPng(chart.svg),
              contentType: "image/png",
              contentDisposition: "inline" as const,
            },
          ],
  };
}

/** RFC 2919 wants a dot-atom. */
function listLabel(model: string): string {
  const label = model.toLowerCase().replaceAll(/[^a-z0-9-]+/g, "-");
  return label.slice(0, 60).replaceAll(/^-+|-+$/g, "") || "models";
}

function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/g, " ");
}

/** The server's text is not kept: it may repeat a user name or an address. */
function failure(error: unknown): Exclude<DeliveryResult, { kind: "ok" }> {
  const { code = "", responseCode } = error as { readonly code?: string; readonly responseCode?: number };
  if (typeof responseCode === "number" && responseCode >= 400) {
    const meaning = smtpMeanings[responseCode] ?? (code === "EAUTH" ? "the login was refused" : null);
    const line = `SMTP ${responseCode}${meaning === null ? "" : ` (${meaning})`}`;
    return { kind: responseCode >= 500 ? "permanent" : "retryable", error: line };
  }
  if (code === "EAUTH") return { kind: "permanent", error: "the server offers no login; leave user out, or use TLS" };
  if (code === "ETLS") return { kind: "permanent", error: "the server offers no STARTTLS; set security" };
  const system = failureCode(error);
  // Its text names addresses, so it is looked at and not shown.
  const isTls =
    system === "ESOCKET" && error instanceof Error && /certificate|ssl|tls|wrong version/i.test(error.message);
  if (isTls || /CERT|SELF_SIGNED|ERR_TLS|ERR_SSL|UNABLE_TO/.test(system)) {
    return {
      kind: "retryable",
      error: "TLS failed: the server's certificate is not trusted, or it speaks no TLS here; see security and ca_file",
    };
  }
  return { kind: "retryable", error: `connection failed (${system})` };
}

const smtpMeanings: Readonly<Record<number, string>> = {
  421: "the server is busy",
  450: "the mailbox is not available now",
  451: "the server had an error",
  452: "the server has no room",
  454: "the login cannot be checked now",
  530: "the server wants a login",
  534: "the login needs another mechanism",
  535: "the login was refused",
  550: "the mailbox is not available, or the sender may not write to it",
  552: "too large, or no room",
  553: "an address is not allowed",
  554: "refused",
};

async function orAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  // What ends after it was given up has nobody to tell.
  work.catch(() => {});
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(new Error("aborted"));
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
