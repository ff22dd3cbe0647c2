import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { sampleMessage } from "../testing/messages.ts";
import { startWebhookReceiver } from "../testing/webhook-receiver.ts";
import type { Behaviour } from "../testing/webhook-receiver.ts";
import type { DeliveryResult } from "./notifier.ts";
import { createReceiver } from "./registry.ts";
import { webhookBody, webhookBodySchema, webhookJsonSchema } from "./webhook-body.ts";

const deps = { printedTo: { write: () => {} }, environment: {} };
const message = sampleMessage();

async function deliver(
  webhook: { url: string; headers?: Record<string, string>; timeout?: string },
  signal = new AbortController().signal,
): Promise<DeliveryResult> {
  const notifier = createReceiver({ name: "ops", webhook }, deps);
  return notifier.deliver(message, { idempotencyKey: "key-1", signal });
}

describe("a delivery", () => {
  test("posts the body with its key, the configured headers, and credentials of the address as basic authentication", async () => {
    await using receiver = await startWebhookReceiver();
    const url = receiver.url.replace("http://", "http://ada:s%40cret@");
    expect(await deliver({ url: `${url}/hook?token=t`, headers: { "x-team": "ops" } })).toEqual({ kind: "ok" });
    const [request] = receiver.requests;
    expect(request).toMatchObject({
      path: "/hook?token=t",
      key: "key-1",
      headers: {
        "content-type": "application/json",
        "x-team": "ops",
        authorization: `Basic ${Buffer.from("ada:s@cret").toString("base64")}`,
      },
    });
    expect(webhookBodySchema.parse(request?.body)).toEqual(webhookBody(message));
  });

  test.each<[string, Behaviour, DeliveryResult]>([
    ["500 is tried again", { status: 500 }, { kind: "retryable", error: "HTTP 500" }],
    [
      "429 is tried again when the receiver says",
      { status: 429, headers: { "retry-after": "7" } },
      { kind: "retryable", error: "HTTP 429", retryAfterMs: 7000 },
    ],
    ["408 is tried again", { status: 408 }, { kind: "retryable", error: "HTTP 408" }],
    ["404 is final", { status: 404 }, { kind: "permanent", error: "HTTP 404" }],
    ["a reset connection is tried again", "reset", { kind: "retryable", error: "connection failed (ECONNRESET)" }],
    ["no answer in time is tried again", "hang", { kind: "retryable", error: "no answer within 100ms" }],
    [
      "a redirect to another host is not followed",
      { status: 307, headers: { location: "http://localhost:1/elsewhere" } },
      { kind: "permanent", error: "HTTP 307 redirects to another host, which is not followed" },
    ],
    [
      "a redirect that would turn POST into GET is not followed",
      { status: 302, headers: { location: "/there" } },
      { kind: "permanent", error: "HTTP 302 would turn the POST into a GET; give the final address" },
    ],
    [
      "a redirect without a location is final",
      { status: 308 },
      { kind: "permanent", error: "HTTP 308 without a usable location" },
    ],
  ])("%s", async (_claim, behaviour, result) => {
    await using receiver = await startWebhookReceiver(() => behaviour);
    const timeout = behaviour === "hang" ? "100ms" : "10s";
    expect(await deliver({ url: receiver.url, timeout })).toEqual(result);
    expect(receiver.requests).toHaveLength(1);
  });

  test("a redirect on the same host that keeps the method is followed with body and key", async () => {
    await using receiver = await startWebhookReceiver((index) =>
      index === 0 ? { status: 307, headers: { location: "/there" } } : "ok",
    );
    expect(await deliver({ url: receiver.url })).toEqual({ kind: "ok" });
    expect(receiver.requests.map(({ path, key, body }) => [path, key, body])).toEqual([
      ["/", "key-1", webhookBody(message)],
      ["/there", "key-1", webhookBody(message)],
    ]);
  });

  test("redirects in a circle end", async () => {
    await using receiver = await startWebhookReceiver(() => ({ status: 308, headers: { location: "/again" } }));
    expect(await deliver({ url: receiver.url })).toEqual({ kind: "permanent", error: "more than 3 redirects" });
  });

  test("breaking off is not the receiver's failure to answer in time", async () => {
    await using receiver = await startWebhookReceiver(() => "hang");
    const stop = new AbortController();
    const delivery = deliver({ url: receiver.url }, stop.signal);
    await receiver.count(1);
    stop.abort();
    expect(await delivery).toEqual({ kind: "retryable", error: "stopped before the answer came" });
  });

  test("a url_file is read anew for each delivery", async () => {
    const notifier = createReceiver({ name: "ops", webhook: { url_file: "/nonexistent/secret-path" } }, deps);
    const attempt = { idempotencyKey: "k", signal: new AbortController().signal };
    expect(await notifier.deliver(message, attempt)).toEqual({
      kind: "retryable",
      error: "url_file could not be read (ENOENT)",
    });
  });
});

test("the committed JSON Schema is the code's: run node alerting/notifiers/webhook-schema.ts", async () => {
  const committed: unknown = JSON.parse(await readFile(new URL("webhook.schema.json", import.meta.url), "utf8"));
  expect(committed).toEqual(webhookJsonSchema());
});

test("each body fits the schema", () => {
  expect(webhookBodySchema.parse(webhookBody(message))).toEqual(webhookBody(message));
});
