import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { dayMs, hourMs } from "../../core/window.ts";

/** A browser that the page knows: by its cookie alone. */
export interface PageSession {
  /** 256 random bits, in the cookie and nowhere else. */
  readonly id: string;
  /** Name of the token that it logged in with; null where no token is asked for. */
  readonly holder: string | null;
  /** Bound to this session; in forms, never in an address. */
  readonly csrf: string;
}

export interface PageSessions {
  /** A new session. Those that are over are forgotten, and the oldest when there are too many. */
  readonly open: (holder: string | null, nowMs: number) => PageSession;
  /** For one request that says who it is of by itself: nothing is kept of it. */
  readonly passing: (holder: string) => PageSession;
  /** The session of a `Cookie` header; null if it has none that is valid. */
  readonly find: (cookie: string | undefined, nowMs: number) => PageSession | null;
  readonly close: (session: PageSession) => void;
  /** In constant time. */
  readonly ownsForm: (session: PageSession, csrf: string) => boolean;
}

export const sessionLifetimeMs = 12 * hourMs;
const mostSessions = 1000;
const cookieName = "leeway_session";

/** Of browsers where no token is asked for: their session only binds forms, so it is kept by nobody but them. */
const openPrefix = "open.";

/** Kept in memory: a restart asks to log in again, and nothing secret is on disk. */
export function createPageSessions(): PageSessions {
  const key = randomBytes(32);
  const sessions = new Map<string, { readonly holder: string; readonly endsMs: number }>();
  const csrfOf = (id: string) => createHmac("sha256", key).update(id).digest("base64url");
  const sessionOf = (id: string, holder: string | null): PageSession => ({ id, holder, csrf: csrfOf(id) });
  return {
    open: (holder, nowMs) => {
      const random = randomBytes(32).toString("base64url");
      if (holder === null) return sessionOf(`${openPrefix}${random}`, null);
      for (const [id, { endsMs }] of sessions) {
        if (endsMs > nowMs && sessions.size < mostSessions) break;
        sessions.delete(id);
      }
      sessions.set(random, { holder, endsMs: nowMs + sessionLifetimeMs });
      return sessionOf(random, holder);
    },
    passing: (holder) => sessionOf(randomBytes(32).toString("base64url"), holder),
    find: (cookie, nowMs) => {
      const id = cookieValue(cookie, cookieName);
      if (id?.startsWith(openPrefix) === true) return sessionOf(id, null);
      const known = id === null ? undefined : sessions.get(id);
      return id === null || known === undefined || known.endsMs <= nowMs ? null : sessionOf(id, known.holder);
    },
    close: ({ id }) => {
      sessions.delete(id);
    },
    ownsForm: ({ csrf: known }, csrf) => {
      const [left, right] = [Buffer.from(known), Buffer.from(csrf)];
      return left.length === right.length && timingSafeEqual(left, right);
    },
  };
}

/** Out of reach of scripts, and never sent from another site. */
export function sessionCookie(session: PageSession, secure: boolean): string {
  return `${cookieName}=${session.id}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${sessionLifetimeMs / 1000}${secure ? "; Secure" : ""}`;
}

export const endedSessionCookie = `${cookieName}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0`;

const nameCookie = "leeway_name";

/** The name that a person gave, so that it stands in the form the next time. */
export function personCookie(name: string): string {
  return `${nameCookie}=${encodeURIComponent(name)}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${(90 * dayMs) / 1000}`;
}

export function personOf(cookie: string | undefined): string {
  try {
    return decodeURIComponent(cookieValue(cookie, nameCookie) ?? "");
  } catch {
    return "";
  }
}

function cookieValue(header: string | undefined, name: string): string | null {
  for (const part of (header ?? "").split(";")) {
    const [key = "", ...value] = part.split("=");
    if (key.trim() === name) return value.join("=").trim();
  }
  return null;
}
