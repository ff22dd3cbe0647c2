import { describe, expect, test } from "vitest";
import { sampleMessage } from "../testing/messages.ts";
import { startWebhookReceiver } from "../testing/webhook-receiver.ts";
import type { Behaviour } from "../testing/webhook-receiver.ts";
import { createReceiver, notifierKinds, receiverSchema } from "./registry.ts";
import type { ReceiverSpec } from "./registry.ts";

const secret = "5ecret-T0ken";
const message = sampleMessage();
const attempt = { idempotencyKey: "key-1", signal: new AbortController().signal };

/** Options of each notifier with the secret wherever a person may put one, given an address that may be wrong. */
const secretOptions: Readonly<Record<string, (address: string) => readonly ReceiverSpec[]>> = {
  console: () => [{ name: "ops", console: {} }],
  webhook: (address) => [
    {
      name: "ops",
      webhook: { url: `${address}/${secret}?token=${secret}`, headers: { authorization: secret }, timeout: "100ms" },
    },
    { name: "ops", webhook: { url: address.replace("//", `//user:${secret}@`), timeout: "100ms" } },
    {
      name: "ops",
      webhook: {
        url: address.replace("//", `//${secret}@`),
        headers: { "x-api-key": `${secret}\n` },
        timeout: "100ms",
      },
    },
    { name: "ops", webhook: { url_file: `/nowhere/${secret}` } },
  ],
};

describe.each(notifierKinds.map(({ name }) => name))("%s", (name) => {
  test.each<[string, Behaviour | string]>([
    ["takes it", "ok"],
    ["answers 500 with a secret in its answer", { status: 500 }],
    ["answers 403", { status: 403 }],
    ["redirects elsewhere", { status: 307, headers: { location: `http://localhost:1/${secret}` } }],
    ["resets the connection", "reset"],
    ["does not answer", "hang"],
    ["is not there", "http://127.0.0.1:9"],
    ["has no address", `http://${secret}.invalid`],
    ["has an address that is none", `//${secret}`],
  ])("shows no secret when the receiver %s", async (_case, behaviour) => {
    const isAddress = typeof behaviour === "string" && behaviour.includes("//");
    await using receiver = await startWebhookReceiver(() => (isAddress ? "ok" : (behaviour as Behaviour)));
    const printed: string[] = [];
    const deps = { printedTo: { write: (text: string) => printed.push(text) }, environment: {} };
    const specs = secretOptions[name]?.(isAddress ? behaviour : receiver.url) ?? [];
    expect(specs).not.toHaveLength(0);
    for (const spec of specs) {
      const result = await createReceiver(spec, deps).deliver(message, attempt);
      expect(JSON.stringify([result, printed])).not.toContain(secret);
    }
  });
});

test("a fault in a receiver's options names the option and not its value", () => {
  const wrong = { name: "ops", webhook: { url: secret, url_file: secret, timeout: secret } };
  const deps = { printedTo: { write: () => {} }, environment: {} };
  expect(() => createReceiver(wrong, deps)).toThrowError(/receiver "ops" is wrong/);
  expect(() => createReceiver(wrong, deps)).not.toThrowError(secret);
});

test("a receiver has exactly one notifier", () => {
  expect(receiverSchema.safeParse({ name: "ops" }).success).toBe(false);
  expect(receiverSchema.safeParse({ name: "ops", console: {}, webhook: { url: "http://x" } }).success).toBe(false);
  expect(receiverSchema.safeParse({ name: "ops", console: {} }).success).toBe(true);
  expect(receiverSchema.safeParse({ name: "ops", pigeon: {} }).success).toBe(false);
});
