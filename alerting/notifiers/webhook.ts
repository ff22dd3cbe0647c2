import { readFile } from "node:fs/promises";
import * as z from "zod";
import { defineNotifier } from "./notifier.ts";
import type { DeliveryResult } from "./notifier.ts";
import { webhookBody } from "./webhook-body.ts";

const options = z
  .strictObject({
    url: z.string().optional().describe("http(s) address; user and password in it become basic authentication"),
    url_file: z.string().optional().describe("file that holds the address; read anew for each delivery"),
    headers: z.record(z.string(), z.string()).optional(),
    timeout: z
      .string()
      .regex(/^[1-9]\d{0,5}(ms|s|m)$/, "a duration such as 10s")
      .default("10s"),
  })
  .refine(({ url, url_file }) => (url === undefined) !== (url_file === undefined), "give either url or url_file");

const maxRedirects = 3;

/**
 * Posts the message as JSON, with the idempotency key in `Idempotency-Key`. 2xx is success; 408, 425, 429, 5xx and broken
 * connections are tried again; everything else is final. Redirects are followed on the same host alone, and only those
 * that keep the method (307, 308). Errors name neither the address nor anything of the answer: both may hold secrets.
 */
export const webhookNotifier = defineNotifier({
  name: "webhook",
  summary: "posts JSON to an address",
  options,
  createNotifier: ({ url, url_file: urlFile, headers = {}, timeout }) => ({
    deliver: async (message, { idempotencyKey, signal }) => {
      const address = await readAddress(url, urlFile);
      if (address.kind !== "address") return address;
      const timer = AbortSignal.timeout(durationMs(timeout));
      const request = {
        method: "POST",
        redirect: "manual",
        body: JSON.stringify(webhookBody(message)),
        headers: {
          ...headers,
          ...address.authorization,
          "content-type": "application/json",
          "user-agent": "leeway",
          "idempotency-key": idempotencyKey,
        },
        signal: AbortSignal.any([timer, signal]),
      } as const;
      try {
        return await post(address.url, request);
      } catch (error) {
        if (timer.aborted) return { kind: "retryable", error: `no answer within ${timeout}` };
        if (signal.aborted) return { kind: "retryable", error: "stopped before the answer came" };
        return { kind: "retryable", error: `connection failed (${failureCode(error)})` };
      }
    },
  }),
});

async function readAddress(
  url: string | undefined,
  urlFile: string | undefined,
): Promise<
  | DeliveryResult
  | { readonly kind: "address"; readonly url: URL; readonly authorization: { readonly authorization?: string } }
> {
  let text = url;
  if (text === undefined) {
    try {
      text = await readFile(urlFile ?? "", "utf8");
    } catch (error) {
      return { kind: "retryable", error: `url_file could not be read (${failureCode(error)})` };
    }
  }
  const parsed = URL.parse(text.trim());
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    return { kind: "permanent", error: "the address is not an http(s) URL" };
  }
  const { username, password } = parsed;
  parsed.username = "";
  parsed.password = "";
  if (username === "" && password === "") return { kind: "address", url: parsed, authorization: {} };
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = `Basic ${Buffer.from(credentials).toString("base64")}`;
  return { kind: "address", url: parsed, authorization: { authorization } };
}

async function post(first: URL, request: RequestInit): Promise<DeliveryResult> {
  let url = first;
  for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
    const response = await fetch(url, request);
    // What it says is not read: only its status counts, and an endless answer must not hold the delivery.
    await response.body?.cancel();
    const { status } = response;
    if (status >= 200 && status < 300) return { kind: "ok" };
    if (status < 300 || status >= 400) return failure(response);
    const location = response.headers.get("location");
    const target = location === null ? null : URL.parse(location, url.href);
    if (target === null) return { kind: "permanent", error: `HTTP ${status} without a usable location` };
    if (target.host !== url.host || target.protocol !== url.protocol) {
      return { kind: "permanent", error: `HTTP ${status} redirects to another host, which is not followed` };
    }
    if (status !== 307 && status !== 308) {
      return { kind: "permanent", error: `HTTP ${status} would turn the POST into a GET; give the final address` };
    }
    url = target;
  }
  return { kind: "permanent", error: `more than ${maxRedirects} redirects` };
}

function failure(response: Response): DeliveryResult {
  const { status } = response;
  const error = `HTTP ${status}`;
  const retryable = status >= 500 || status === 408 || status === 425 || status === 429;
  if (!retryable) return { kind: "permanent", error };
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0
    ? { kind: "retryable", error, retryAfterMs: seconds * 1000 }
    : { kind: "retryable", error };
}

/** The system's code alone (ECONNRESET, ENOTFOUND …): messages hold addresses. */
function failureCode(error: unknown): string {
  let current = error;
  while (current instanceof Error) {
    const { code } = current as NodeJS.ErrnoException;
    if (typeof code === "string" && /^[A-Z0-9_]+$/.test(code)) return code;
    current = current.cause;
  }
  return "unknown";
}

function durationMs(text: string): number {
  const [, digits = "0", unit = "s"] = /^(\d+)(ms|s|m)$/.exec(text) ?? [];
  return Number(digits) * { ms: 1, s: 1000, m: 60_000 }[unit as "ms" | "s" | "m"];
}
