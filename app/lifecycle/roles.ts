import { LeewayError } from "../../core/errors.ts";
import { nearestName } from "../config/fault.ts";

export const roles = ["collector", "detector", "alerting"] as const;
export type Role = (typeof roles)[number];

/** `collector,detector`; all of them if nothing is said. @throws usage */
export function parseRoles(text: string | undefined): ReadonlySet<Role> {
  if (text === undefined) return new Set(roles);
  const names = text.split(",").map((name) => name.trim());
  for (const name of names) {
    if ((roles as readonly string[]).includes(name)) continue;
    const nearest = nearestName(name, roles);
    const remedy = nearest === null ? `use ${roles.join(", ")}` : `did you mean ${nearest}?`;
    throw new LeewayError("usage", `--roles: ${JSON.stringify(name)} is not a role; ${remedy}`);
  }
  return new Set(names as Role[]);
}

export interface Shard {
  /** Counted from 0. */
  readonly index: number;
  readonly count: number;
}

/** `1/3` … `3/3`; null if nothing is said. @throws usage */
export function parseShard(text: string | undefined): Shard | null {
  if (text === undefined) return null;
  const [, number, count] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number);
  if (number === undefined || count === undefined || number < 1 || number > count) {
    throw new LeewayError("usage", `--shard: ${JSON.stringify(text)} is not a shard; write 1/3 for the first of three`);
  }
  return { index: number - 1, count };
}
