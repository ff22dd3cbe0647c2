import { failureCode } from "./failure-code.ts";
import type { DeliveryResult } from "./notifier.ts";
import { timeoutMs } from "./timeout-option.ts";

const maxRedirects = 3;

/**
 * Posts JSON once. 2xx is success; 408, 425, 429, 5xx and broken connections are tried again; everything else is final.
 * Redirects are followed on the same host alone, and only those that keep the method (307, 308). Errors name neither the
 * address nor anything of the answer: both may hold secrets.
 *
 * @param options.address User and password in it become basic authentication.
 */
export async function postJson(options: {
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object;
  readonly timeout: string;
  readonly signal: AbortSignal;
}): Promise<DeliveryResult> {
  const { headers, body, timeout, signal } = options;
  const address = parseAddress(options.address);
  if (address === null) return { kind: "permanent", error: "the address is not an http(s) URL" };
  const timer = AbortSignal.timeout(timeoutMs(timeout));
  try {
    return await post(address.url, {
      method: "POST",
      redirect: "manual",
      body: JSON.stringify(body),
      headers: { ...headers, ...address.authorization, "content-type": "application/json", "user-agent": "leeway" },
      signal: AbortSignal.any([timer, signal]),
    });
  } catch (error) {
    if (timer.aborted) return { kind: "retryable", error: `no answer within ${timeout}` };
    if (signal.aborted) return { kind: "retryable", error: "stopped before the answer came" };
    return { kind: "retryable", error: `connection failed (${failureCode(error)})` };
  }
}

function parseAddress(
  text: string,
): { readonly url: URL; readonly authorization: { readonly authorization?: string } } | null {
  const url = URL.parse(text.trim());
  if (url === null || !/^https?:$/.test(url.protocol)) return null;
  const { username, password } = url;
  url.username = "";
  url.password = "";
  if (username === "" && password === "") return { url, authorization: {} };
  try {
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return { url, authorization: { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` } };
  } catch {
    // A lone % in a password.
    return null;
  }
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
