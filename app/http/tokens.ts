import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import type { ApiToken } from "../config/service-config.ts";

/** The token's holder, or null. Compares hashes of equal length, each in constant time, and always all of them. */
export function tokenHolder(authorization: string | undefined, tokens: readonly ApiToken[]): string | null {
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1] ?? "";
  const given = createHash("sha256").update(token).digest();
  let holder: string | null = null;
  for (const known of tokens) {
    if (timingSafeEqual(given, known.sha256)) holder = known.name;
  }
  return token === "" ? null : holder;
}

/** Whether only this machine can reach the address. A name counts as loopback only if it is `localhost`. */
export function isLoopback(host: string): boolean {
  if (host === "localhost") return true;
  const version = isIP(host);
  if (version === 4) return host.startsWith("127.");
  return version === 6 && (/^(0*:)*:?0*1$/.test(host) || /^::ffff:127\./i.test(host));
}
