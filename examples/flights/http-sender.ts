import { setTimeout as delay } from "node:timers/promises";
import type { Sender } from "./sender.ts";

/** An event has some 420 bytes, and a request may have 5 MB. */
const batchMessages = 5_000;
/** Requests under way at once. Their order is free within a day: a day's window closes when the next day begins. */
const inFlight = 3;
const retryMs = 250;
/** Leeway may be away for a while, as when somebody kills it. */
const patienceMs = 120_000;

interface Receipt {
  readonly received: number;
  readonly stored: number;
}

/**
 * Sends messages as NDJSON. Each request has a key of its own and is repeated under it until it is answered, so whatever
 * happens on the way, each message is stored once.
 *
 * @param url Where to: `http://127.0.0.1:8686/v1/events`.
 */
export function createHttpSender(url: string): Sender {
  let lines: string[] = [];
  let requests = 0;
  const underWay = new Set<Promise<void>>();

  const send = async () => {
    if (lines.length === 0) return;
    requests++;
    const request = post(url, { key: `flights-${requests}`, body: `${lines.join("\n")}\n`, messages: lines.length });
    lines = [];
    underWay.add(request);
    // Awaited below; until then its failure must not count as unhandled.
    request.then(
      () => underWay.delete(request),
      () => undefined,
    );
    if (underWay.size >= inFlight) await Promise.race(underWay);
  };
  return {
    add(_airport, value) {
      lines.push(value);
      return lines.length >= batchMessages ? send() : null;
    },
    async flush() {
      await send();
      await Promise.all(underWay);
    },
  };
}

async function post(
  url: string,
  request: { readonly key: string; readonly body: string; readonly messages: number },
): Promise<void> {
  const giveUpAtMs = performance.now() + patienceMs;
  for (;;) {
    const answer = await attempt(url, request);
    if (answer.kind === "receipt") {
      const { received, stored } = answer.receipt;
      if (received === request.messages && stored === received) return;
      throw new Error(`${url} stored ${stored} of ${request.messages} messages`);
    }
    if (answer.kind === "refused") throw new Error(`${url} refused a request: ${answer.why}`);
    if (performance.now() > giveUpAtMs)
      throw new Error(`${url} took nothing for ${patienceMs / 1000} s: ${answer.why}`);
    await delay(answer.afterMs);
  }
}

type Answer =
  | { readonly kind: "receipt"; readonly receipt: Receipt }
  | { readonly kind: "later"; readonly afterMs: number; readonly why: string }
  | { readonly kind: "refused"; readonly why: string };

async function attempt(url: string, request: { readonly key: string; readonly body: string }): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/x-ndjson",
        "idempotency-key": request.key,
        // Only what was not stored is listed in the answer.
        prefer: "return=minimal",
      },
      body: request.body,
    });
    if (response.ok) return { kind: "receipt", receipt: (await response.json()) as Receipt };
    const why = await response.text();
    if (response.status !== 429 && response.status < 500) return { kind: "refused", why };
    return { kind: "later", afterMs: 1000 * Number(response.headers.get("retry-after") ?? 1), why };
  } catch (error) {
    return { kind: "later", afterMs: retryMs, why: String(error) };
  }
}
