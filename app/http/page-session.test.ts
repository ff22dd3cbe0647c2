import { expect, test } from "vitest";
import { createPageSessions, personCookie, personOf, sessionCookie, sessionLifetimeMs } from "./page-session.ts";

const cookieOf = (header: string) => header.split(";")[0];

test("a session is found by its cookie until it is over or closed", () => {
  const sessions = createPageSessions();
  const session = sessions.open("grafana", 0);
  const cookie = `theme=dark; ${cookieOf(sessionCookie(session, false))}`;
  expect(sessions.find(cookie, 1)).toEqual(session);
  expect(sessions.find(cookie, sessionLifetimeMs)).toBeNull();
  expect(sessions.find(undefined, 1)).toBeNull();
  expect(sessions.find("leeway_session=", 1)).toBeNull();
  sessions.close(session);
  expect(sessions.find(cookie, 1)).toBeNull();
});

test("a form's token is of one session of one process", () => {
  const sessions = createPageSessions();
  const mine = sessions.open(null, 0);
  const other = sessions.open(null, 0);
  expect(sessions.ownsForm(mine, mine.csrf)).toBe(true);
  expect(sessions.ownsForm(mine, other.csrf)).toBe(false);
  expect(sessions.ownsForm(mine, "")).toBe(false);
  expect(createPageSessions().ownsForm({ ...mine, csrf: "x".repeat(mine.csrf.length) }, mine.csrf)).toBe(false);
});

test("the cookie is out of a script's reach and never sent from another site", () => {
  const sessions = createPageSessions();
  const cookie = sessionCookie(sessions.open(null, 0), true);
  expect(cookie).toMatch(/; HttpOnly; SameSite=Strict; Path=\/; Max-Age=43200; Secure$/);
  expect(sessionCookie(sessions.open(null, 0), false)).not.toContain("Secure");
});

test("sessions do not pile up, and whoever does not log in ends nobody's", () => {
  const sessions = createPageSessions();
  const first = sessions.open("me", 0);
  const cookie = cookieOf(sessionCookie(first, false));
  for (let index = 0; index < 2000; index += 1) sessions.open(null, 1);
  expect(sessions.find(cookie, 1)).toEqual(first);
  for (let index = 0; index < 1000; index += 1) sessions.open("me", 1);
  expect(sessions.find(cookie, 1)).toBeNull();
});

test("an open session is its browser's own, and has no holder", () => {
  const sessions = createPageSessions();
  const session = sessions.open(null, 0);
  expect(sessions.find(cookieOf(sessionCookie(session, false)), sessionLifetimeMs * 2)).toEqual(session);
  expect(session.holder).toBeNull();
});

test("a person's name comes back as it was given", () => {
  expect(personOf(cookieOf(personCookie("Zoë; =x")))).toBe("Zoë; =x");
  expect(personOf("leeway_name=%")).toBe("");
  expect(personOf(undefined)).toBe("");
});
