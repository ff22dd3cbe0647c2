import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import type { IncidentMessage } from "../message.ts";
import { sampleMessage } from "../testing/messages.ts";
import { startSmtpReceiver } from "../testing/smtp-receiver.ts";
import type { SmtpReceiver } from "../testing/smtp-receiver.ts";
import { messageText } from "../text/message-text.ts";
import { emailBody } from "./email-body.ts";
import type { DeliveryResult } from "./notifier.ts";
import { createReceiver } from "./registry.ts";
import type { ReceiverSpec } from "./registry.ts";

const sample = sampleMessage();
const [lead, ...others] = sample.findings;
if (lead === undefined) throw new Error("the sample has no finding");
const message: IncidentMessage = {
  ...sample,
  findings: [{ ...lead, contributors: [{ name: "17 to 19", reference: 0.1, current: 0.3 }] }, ...others],
};

type Email = NonNullable<ReceiverSpec["email"]>;

function deliver(
  server: Pick<SmtpReceiver, "port">,
  options: Partial<Email> = {},
  { told = message, key = "k1", signal = new AbortController().signal } = {},
): Promise<DeliveryResult> {
  const email: Email = {
    host: "127.0.0.1",
    port: server.port,
    security: "none",
    from: "leeway@example.com",
    to: ["ada@example.com", "ben@example.com"],
    ...options,
  };
  const notifier = createReceiver({ name: "mail", email }, { printedTo: { write: () => {} }, environment: {} });
  return notifier.deliver(told, { idempotencyKey: key, signal });
}

/** Headers unfolded, as `Name: value`. */
function headersOf(raw: string): readonly string[] {
  return raw
    .split("\r\n\r\n")[0]!
    .replaceAll(/\r\n[ \t]+/g, " ")
    .split("\r\n");
}

/** The decoded body of the part with this type. */
function partOf(raw: string, type: string): string {
  const part = raw.split(/\r\n--[^\r\n]+\r\n/).find((each) => each.startsWith(`Content-Type: ${type}`)) ?? "";
  const [head = "", ...body] = part.split("\r\n\r\n");
  const text = body.join("\r\n\r\n").split("\r\n--")[0] ?? "";
  if (/base64/i.test(head)) return Buffer.from(text, "base64").toString();
  const bytes = text
    .replaceAll("=\r\n", "")
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return (/quoted-printable/i.test(head) ? Buffer.from(bytes, "latin1").toString() : text).replaceAll("\r\n", "\n");
}

describe("a mail", () => {
  test("goes to every recipient as text, HTML and an inline chart", async () => {
    await using server = await startSmtpReceiver();
    expect(await deliver(server)).toEqual({ kind: "ok" });
    const [mail] = server.mails;
    expect(mail).toMatchObject({ from: "leeway@example.com", to: ["ada@example.com", "ben@example.com"] });
    const raw = mail?.raw ?? "";
    expect(partOf(raw, "text/plain").trimEnd()).toBe(messageText(message));
    const html = partOf(raw, "text/html");
    expect(html).toContain("Open the incident");
    const cid = /src="cid:([^"]+)"/.exec(html)?.[1];
    expect(raw.includes(`Content-ID: <${cid}>`)).toBe(true);
    expect(raw.includes("Content-Disposition: inline")).toBe(true);
    expect(Buffer.from(partOf(raw, "image/png"))).not.toHaveLength(0);
  });

  test("is one thread with the others of its incident, under one subject, and known as automatic", async () => {
    await using server = await startSmtpReceiver();
    await deliver(server);
    const ended = { ...message, reason: "ended", status: "ended", title: "over", severityBefore: "page" } as const;
    await deliver(server, {}, { told: ended, key: "k2" });
    const [first = [], second = []] = server.mails.map(({ raw }) => headersOf(raw));
    const header = (headers: readonly string[], name: string) => headers.find((each) => each.startsWith(`${name}: `));
    for (const name of ["Subject", "References", "In-Reply-To"]) {
      expect(header(first, name)).toBeDefined();
      expect(header(second, name)).toBe(header(first, name));
    }
    expect(header(first, "Message-ID")).not.toBe(header(second, "Message-ID"));
    expect(first).toContain("Subject: flight-delay (production) values missing: origin [1nc1den7]");
    expect(first).toContain("Auto-Submitted: auto-generated");
    expect(first).toContain("List-ID: <flight-delay.leeway.example.com>");
  });

  test("tried again is the same mail", async () => {
    await using server = await startSmtpReceiver();
    await deliver(server);
    await deliver(server);
    const ids = server.mails.map(({ raw }) => headersOf(raw).find((each) => each.startsWith("Message-ID")));
    expect(ids[0]).toBe(ids[1]);
  });

  test("names of strangers neither add headers nor markup", async () => {
    await using server = await startSmtpReceiver();
    const name = 'x\r\nBcc: eve@example.com\r\n\r\n<script>alert(1)</script>"';
    const told = {
      ...message,
      model: name,
      environment: name,
      title: name,
      incidentId: name,
      labels: { feature: name },
    };
    expect(await deliver(server, {}, { told })).toEqual({ kind: "ok" });
    const [mail] = server.mails;
    expect(mail?.to).toEqual(["ada@example.com", "ben@example.com"]);
    expect(headersOf(mail?.raw ?? "").filter((each) => /^bcc/i.test(each))).toEqual([]);
    expect(partOf(mail?.raw ?? "", "text/html")).not.toContain("<script>");
  });

  test("of a drill says so in its subject", () => {
    expect(emailBody({ ...message, drill: true }, null).subject).toMatch(/^\[DRILL\] /);
  });
});

describe("the server", () => {
  test.each<[string, { at: "from" | "to" | "data"; code: number }, DeliveryResult]>([
    [
      "450 is tried again",
      { at: "to", code: 450 },
      { kind: "retryable", error: "SMTP 450 (the mailbox is not available now)" },
    ],
    [
      "451 after the data is tried again",
      { at: "data", code: 451 },
      { kind: "retryable", error: "SMTP 451 (the server had an error)" },
    ],
    [
      "550 is final",
      { at: "to", code: 550 },
      { kind: "permanent", error: "SMTP 550 (the mailbox is not available, or the sender may not write to it)" },
    ],
    ["554 after the data is final", { at: "data", code: 554 }, { kind: "permanent", error: "SMTP 554 (refused)" }],
  ])("%s", async (_claim, refusal, result) => {
    await using server = await startSmtpReceiver({ refusal });
    expect(await deliver(server)).toEqual(result);
  });

  test("may refuse one of several recipients: the others have it, and it is said", async () => {
    await using server = await startSmtpReceiver({ refusal: { at: "to", code: 550, address: "ben@example.com" } });
    expect(await deliver(server)).toEqual({ kind: "ok", note: "1 of 2 recipients were refused" });
    expect(server.mails[0]?.to).toEqual(["ada@example.com"]);
  });

  test("is logged in to", async () => {
    const login = { user: "leeway", password: "right" };
    await using server = await startSmtpReceiver({ login });
    expect(await deliver(server, login)).toEqual({ kind: "ok" });
    expect(server.mails[0]?.user).toBe("leeway");
    expect(await deliver(server, { ...login, password: "wrong" })).toEqual({
      kind: "permanent",
      error: "SMTP 535 (the login was refused)",
    });
  });

  test("without STARTTLS gets nothing unless that was asked for", async () => {
    await using server = await startSmtpReceiver();
    const result = await deliver(server, { security: "starttls" });
    expect(result.kind).not.toBe("ok");
    expect(server.mails).toEqual([]);
  });

  test.each(["starttls", "tls"] as const)(
    "with a certificate that nobody vouches for gets nothing (%s)",
    async (security) => {
      await using server = await startSmtpReceiver({ security });
      const result = await deliver(server, { security });
      expect(result).toMatchObject({ kind: "retryable", error: expect.stringContaining("TLS failed") });
      expect(server.mails).toEqual([]);
    },
  );

  test("that does not answer is tried again", async () => {
    await using server = await startSmtpReceiver({ hang: true });
    expect(await deliver(server, { timeout: "500ms" })).toEqual({ kind: "retryable", error: "no answer within 500ms" });
  });

  test("that is not there is tried again", async () => {
    const probe = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => {
      probe.once("listening", resolve);
    });
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => {
      probe.close(resolve);
    });
    expect(await deliver({ port })).toEqual({ kind: "retryable", error: "connection failed (ECONNREFUSED)" });
  });
});
