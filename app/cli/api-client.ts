import { LeewayError } from "../../core/errors.ts";

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
 * Asks a running service.
 * @returns the answer, or throws `check_failed` for 404, `token_required` for 401, `store_unreachable` if nobody answers.
 */
export async function getJson<Answer>(address: ApiAddress, path: string): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(`${address.url}${path}`, {
      headers: address.token === null ? {} : { authorization: `Bearer ${address.token}` },
      signal: AbortSignal.timeout(30_000),
    });
  } catch (cause) {
    const message = `Leeway at ${address.url} does not answer; start leeway serve, or correct LEEWAY_URL`;
    throw new LeewayError("store_unreachable", message, { cause, retryable: true });
  }
  if (response.ok) return (await response.json()) as Answer;
  if (response.status === 401) {
    throw new LeewayError("token_required", `Leeway at ${address.url} wants a token; set LEEWAY_TOKEN`);
  }
  const problem = (await response.json().catch(() => ({}))) as { detail?: string };
  const detail = problem.detail ?? `answered ${response.status}`;
  if (response.status === 404) throw new LeewayError("check_failed", detail);
  throw new LeewayError("store_unreachable", `Leeway at ${address.url}: ${detail}`);
}
