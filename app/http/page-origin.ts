import { isLoopback } from "../config/loopback.ts";

/** Headers of a request, as far as they say where it comes from. */
export interface RequestOrigin {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
}

/**
 * Why a form was not sent by one of our own pages; null if it was. A browser says so by itself (Sec-Fetch-Site, or Origin
 * where the connection is not encrypted); who says nothing is not a browser, and has the API.
 *
 * @param options.open No token is asked for: then the name in the address must be this machine's or the configured one, or
 *   a name that an attacker points at 127.0.0.1 would be our own origin.
 */
export function foreignForm(
  { host, origin, fetchSite }: RequestOrigin,
  options: { readonly externalUrl: string | null; readonly open: boolean },
): string | null {
  const external = options.externalUrl === null ? null : new URL(options.externalUrl);
  if (fetchSite !== undefined && fetchSite !== "same-origin") return "the form was sent from another site";
  if (fetchSite === undefined && origin === undefined) {
    return "the request does not say where it comes from; programs use the API under /api/v1/";
  }
  if (origin !== undefined) {
    const from = URL.canParse(origin) ? new URL(origin) : null;
    if (from === null || (from.host !== host && from.origin !== external?.origin)) {
      return "the form was sent from another site; behind a proxy set http.external_url";
    }
  }
  if (options.open) {
    const name = hostName(host);
    if (name === null || !(isLoopback(name) || name === external?.hostname)) {
      return "this address is not known here; use 127.0.0.1, or set http.external_url";
    }
  }
  return null;
}

function hostName(host: string | undefined): string | null {
  if (host === undefined || !URL.canParse(`http://${host}`)) return null;
  return new URL(`http://${host}`).hostname.replace(/^\[(.*)\]$/, "$1");
}
