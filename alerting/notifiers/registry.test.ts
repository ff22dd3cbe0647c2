import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import { enqueueNotification, listNotifications } from "../../store/state/outbox.ts";
import { openState } from "../../store/state/state.ts";
import { createDelivery } from "../delivery.ts";
import { drillMessage } from "../drill.ts";
import { notificationView } from "../incident-view.ts";
import { createAlertingMetrics } from "../metrics.ts";
import { sampleMessage } from "../testing/messages.ts";
import { startSmtpReceiver } from "../testing/smtp-receiver.ts";
import { startWebhookReceiver } from "../testing/webhook-receiver.ts";
import type { Behaviour } from "../testing/webhook-receiver.ts";
import type { Notifier } from "./notifier.ts";
import { createReceiver, describeReceiver, notifierKinds, receiverSchema } from "./registry.ts";
import type { ReceiverSpec } from "./registry.ts";

/** In lower-case letters too, since Slack's words for errors are: nothing that looks harmless may carry it. */
const secret = "canary_of_the_secret";
const message = sampleMessage();
const secretFile = join(mkdtempSync(join(tmpdir(), "leeway-secret-")), "secret");
writeFileSync(secretFile, `${secret}\n`);

/** Options of each notifier with the secret wherever a person may put one, given an address that may be wrong. */
const secretOptions: Readonly<Record<string, (address: string) => readonly ReceiverSpec[]>> = {
  console: () => [{ name: "ops", console: {} }],
  webhook: (address) => [
    {
      name: "ops",
      webhook: { url: `${address}/${secret}?token=${secret}`, headers: { authorization: secret }, timeout: "100ms" },
    },
    { name: "ops", webhook: { url: address.replace("//", `//user:${secret}@`), timeout: "100ms" } },
    { name: "ops", webhook: { url: address.replace("//", `//user:${secret}%@`), timeout: "100ms" } },
    {
      name: "ops",
      webhook: {
        url: address.replace("//", `//${secret}@`),
        headers: { "x-api-key": `${secret}\n` },
        timeout: "100ms",
      },
    },
    { name: "ops", webhook: { url_file: `/nowhere/${secret}` } },
    { name: "ops", webhook: { url_file: secretFile } },
  ],
  slack: (address) => [
    { name: "ops", slack: { webhook_url: `${address}/services/${secret}`, timeout: "100ms" } },
    { name: "ops", slack: { webhook_url_file: secretFile } },
    { name: "ops", slack: { token: secret, channel: "C012AB3CD", api_url: `${address}/api/`, timeout: "100ms" } },
    { name: "ops", slack: { token: `${secret}\n\u0000é`, channel: "C012AB3CD", api_url: address, timeout: "100ms" } },
    { name: "ops", slack: { token_file: secretFile, channel: "C012AB3CD", api_url: address, timeout: "100ms" } },
    { name: "ops", slack: { token_file: `/nowhere/${secret}`, channel: "C012AB3CD", api_url: address } },
  ],
  email: (address) => {
    const { hostname = "", port = "" } = URL.parse(address) ?? {};
    const at = { host: hostname === "" ? "//" : hostname, port: Number(port === "" ? 25 : port), timeout: "200ms" };
    const mail = { ...at, from: "leeway@example.com", to: "ops@example.com", user: "leeway" };
    return (["none", "starttls", "tls"] as const).flatMap((security): ReceiverSpec[] => [
      { name: "ops", email: { ...mail, security, password: secret } },
      { name: "ops", email: { ...mail, security, password_file: secretFile } },
      { name: "ops", email: { ...mail, security, password_file: `/nowhere/${secret}` } },
    ]);
  },
};

/**
 * Everything that anybody could see of deliveries (an incident and a drill) by a notifier: results, what the log says at
 * its finest, metrics, API answers, what is mirrored, the state file, and what is printed.
 */
async function seenOf(spec: ReceiverSpec): Promise<string> {
  const seen: unknown[] = [describeReceiver(spec)];
  const log = new Proxy({} as Logger, {
    get: (_target, level) => (fields: unknown, text: unknown) =>
      seen.push([level, JSON.stringify(fields, errorsInFull), text]),
  });
  const metrics = new Registry();
  using state = openState(":memory:");
  const remembered = new Map<string, string>();
  const notifier: Notifier = createReceiver(spec, {
    printedTo: { write: (text: string) => seen.push(text) },
    environment: {},
    memory: { read: (id) => remembered.get(id) ?? null, write: (id, value) => remembered.set(id, value) },
  });
  const drill = drillMessage({ receiver: "ops", externalUrl: "http://127.0.0.1:8686", nowMs: 0 });
  for (const each of [message, drill]) {
    const { idempotencyKey, incidentId, reason, severity } = each;
    seen.push(await notifier.deliver(each, { idempotencyKey, signal: new AbortController().signal }));
    const entry = { receiver: "ops", idempotencyKey, incidentId, reason, severity, message: JSON.stringify(each) };
    enqueueNotification(state, entry, 0);
  }
  const delivery = createDelivery({
    state,
    notifiers: new Map([["ops", notifier]]),
    retry: { baseMs: 1, maxMs: 1, maxAttempts: 1 },
    wallClock: systemClock,
    random: () => 0,
    log,
    metrics: createAlertingMetrics(metrics),
    tracing: {
      enabled: true,
      span: (...[name, options, work]) => {
        seen.push(name, options);
        return work({ traceparent: null, set: (attributes) => seen.push(attributes), fail: (why) => seen.push(why) });
      },
    },
    stop: new AbortController().signal,
    abort: new AbortController().signal,
  });
  await delivery.deliverDue();
  for (const { incidentId } of [message, drill]) seen.push(listNotifications(state, incidentId).map(notificationView));
  seen.push(state.all("SELECT * FROM outbox"), state.all("SELECT * FROM mirror_queue"), [...remembered]);
  seen.push(await metrics.metrics());
  return JSON.stringify(seen, errorsInFull);
}

/** As a logger writes them, with their causes. */
function errorsInFull(_key: string, value: unknown): unknown {
  return value instanceof Error ? { ...value, message: value.message, stack: value.stack, cause: value.cause } : value;
}

describe.each(notifierKinds.map(({ name }) => name))("%s", (name) => {
  test.each<[string, Behaviour | string]>([
    ["takes it", "ok"],
    ["answers 500 with a secret in its answer", { status: 500 }],
    ["answers 403", { status: 403 }],
    ["answers 429", { status: 429, headers: { "retry-after": secret } }],
    ["redirects elsewhere", { status: 307, headers: { location: `http://localhost:1/${secret}` } }],
    ["resets the connection", "reset"],
    ["does not answer", "hang"],
    ["is not there", "http://127.0.0.1:9"],
    ["refuses the connection", "http://127.0.0.1:1"],
    ["speaks no TLS", "https"],
    ["has no address", `http://${secret}.invalid`],
    ["has an address that is none", `//${secret}`],
  ])("shows no secret when the receiver %s", async (_case, behaviour) => {
    const isAddress = typeof behaviour === "string" && behaviour.includes("//");
    const isTls = behaviour === "https";
    await using receiver = await startWebhookReceiver(() => (isAddress || isTls ? "ok" : (behaviour as Behaviour)));
    const address = isAddress ? behaviour : isTls ? receiver.url.replace("http:", "https:") : receiver.url;
    const specs = secretOptions[name]?.(address) ?? [];
    expect(specs).not.toHaveLength(0);
    for (const seen of await Promise.all(specs.map(seenOf))) expect(seen.includes(secret)).toBe(false);
  });

  test("shows no secret when the receiver says it back", async () => {
    await using echo = await startEcho();
    const specs = secretOptions[name]?.(echo.url) ?? [];
    for (const seen of await Promise.all(specs.map(seenOf))) expect(seen.includes(secret)).toBe(false);
  });
});

/** Answers every request with the secret as Slack's error, and every SMTP dialogue with the secret in its greeting. */
async function startEcho(): Promise<AsyncDisposable & { readonly url: string }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    const body = JSON.stringify({ ok: false, error: secret });
    const type = "content-type: application/json\r\n";
    socket.once("data", () => {
      socket.end(`HTTP/1.1 200 ${secret}\r\n${type}content-length: ${body.length}\r\n\r\n${body}`);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

test.each(["auth", "from", "to", "data"] as const)(
  "e-mail shows no secret when the server refuses at %s",
  async (at) => {
    const login = { user: "leeway", password: secret };
    for (const code of [450, 550]) {
      await using server = await startSmtpReceiver({ login, refusal: { at, code } });
      const seen = await seenOf(secretOptions["email"]!(`http://127.0.0.1:${server.port}`)[0]!);
      expect(seen).toContain(`SMTP ${code}`);
      expect(seen.includes(secret)).toBe(false);
    }
  },
);

test("every option that may hold a secret is among those tested", () => {
  const tested = JSON.stringify(notifierKinds.flatMap(({ name }) => secretOptions[name]?.("http://127.0.0.1:9") ?? []));
  for (const kind of notifierKinds) {
    for (const option of Object.keys(kind.options.shape).filter((each) => /url|token|password|headers/.test(each))) {
      expect(tested).toContain(`"${option}"`);
    }
  }
});

test("a fault in a receiver's options names the option and not its value", () => {
  const deps = { printedTo: { write: () => {} }, environment: {} };
  for (const wrong of [
    { name: "ops", webhook: { url: secret, url_file: secret, timeout: secret } },
    { name: "ops", slack: { webhook_url: secret, token: secret } },
    { name: "ops", email: { host: "h", from: secret, to: secret, user: "u", password: secret, password_file: secret } },
  ]) {
    expect(() => createReceiver(wrong, deps)).toThrowError(/receiver "ops" is wrong/);
    expect(() => createReceiver(wrong, deps)).not.toThrowError(secret);
  }
});

test("a receiver has exactly one notifier", () => {
  expect(receiverSchema.safeParse({ name: "ops" }).success).toBe(false);
  expect(receiverSchema.safeParse({ name: "ops", console: {}, webhook: { url: "http://x" } }).success).toBe(false);
  expect(receiverSchema.safeParse({ name: "ops", console: {} }).success).toBe(true);
  expect(receiverSchema.safeParse({ name: "ops", pigeon: {} }).success).toBe(false);
});
