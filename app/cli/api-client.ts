import { LeewayError } from "../../core/errors.ts";
import { requireConfig } from "../config/load.ts";
import { runningService } from "../lifecycle/address-files.ts";
import type { CommandContext } from "./command.ts";
import { configRequest } from "./config-options.ts";

export interface ApiAddress {
  /** Without a trailing slash. */
  readonly url: string;
  readonly token: string | null;
}

/** `LEEWAY_URL` and `LEEWAY_TOKEN`; null if no service is named. @throws usage if the URL is none. */
export function apiAddress(environment: Readonly<Record<string, string | undefined>>): ApiAddress | null {
  const url = environment["LEEWAY_URL"];
  if (url === undefined || url === "") return null;
  if (!URL.canParse(url)) throw new LeewayError("usage", "LEEWAY_URL is not a URL; write it as http://127.0.0.1:8686");
  return { url: url.replace(/\/+$/, ""), token: environment["LEEWAY_TOKEN"] || null };
}

/**
 * The running service that a command speaks to: `LEEWAY_URL`, else the one that serves the data directory on this machine.
 * @throws usage if the URL is none; config_invalid; store_unreachable if no service is known.
 */
export function serviceAddress(
  options: { readonly config?: string; readonly data?: string },
  context: CommandContext,
): ApiAddress {
  const named = apiAddress(context.environment);
  if (named !== null) return named;
  const { dataDir } = requireConfig(configRequest(options, context)).service;
  const url = runningService(dataDir);
  if (url !== null) return { url, token: context.environment["LEEWAY_TOKEN"] || null };
  const message = `no service runs on ${dataDir}; start leeway serve there, name another directory with --data, or set LEEWAY_URL`;
  throw new LeewayError("store_unreachable", message);
}

/**
 * Asks a running service.
 * @throws check_failed for 404, `token_required` for 401, `store_unreachable` if nobody answers.
 */
export async function getJson<Answer>(address: ApiAddress, path: string): Promise<Answer> {
  return call(address, path, {});
}

/**
 * Has a running service do something.
 * @throws as `getJson`; usage for 400, check_failed for what it refuses.
 */
export async function sendJson<Answer>(
  address: ApiAddress,
  method: "POST" | "DELETE",
  path: string,
  body: object,
): Promise<Answer> {
  return call(address, path, { method, body: JSON.stringify(body), headers: { "content-type": "application/json" } });
}

async function call<Answer>(
  address: ApiAddress,
  path: string,
  request: { readonly method?: string; readonly body?: string; readonly headers?: Readonly<Record<string, string>> },
): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(`${address.url}${path}`, {
      ...request,
      headers: { ...request.headers, ...(address.token !== null && { authorization: `Bearer ${address.token}` }) },
      signal: AbortSignal.timeout(30_000),
    });
  } catch (cause) {
    const message = `Leeway at ${address.url} does not answer; start leeway serve, or correct LEEWAY_URL`;
    throw new LeewayError("store_unreachable", message, { cause, retryable: true });
  }
  if (response.ok) return (await response.json()) as Answer;
  const { status } = response;
  if (status === 401) {
    throw new LeewayError("token_required", `Leeway at ${address.url} wants a token; set LEEWAY_TOKEN`);
  }
  const problem = (await response.json().catch(() => ({}))) as { detail?: string };
  const detail = problem.detail ?? `answered ${status}`;
  if (status === 404 || status === 409) throw new LeewayError("check_failed", detail);
  if (status === 400 && request.method !== undefined) throw new LeewayError("usage", detail);
  throw new LeewayError("store_unreachable", `Leeway at ${address.url}: ${detail}`);
}
