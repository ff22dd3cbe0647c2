import { createHash, timingSafeEqual } from "node:crypto";
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
