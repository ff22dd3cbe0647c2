import { expect, test } from "vitest";
import { foreignForm, type RequestOrigin } from "./page-origin.ts";

const own: RequestOrigin = { host: "127.0.0.1:8686", origin: "http://127.0.0.1:8686", fetchSite: "same-origin" };
const from = (changes: Partial<RequestOrigin>, options: { externalUrl?: string; open?: boolean } = {}) =>
  foreignForm({ ...own, ...changes }, { externalUrl: options.externalUrl ?? null, open: options.open ?? true });

test("a form of our own page is taken, by either header", () => {
  expect(from({})).toBeNull();
  expect(from({ fetchSite: undefined })).toBeNull();
  expect(from({ host: "[::1]:8686", origin: "http://[::1]:8686" })).toBeNull();
  expect(from({ host: "localhost:1", origin: "http://localhost:1" })).toBeNull();
});

test.each([
  ["another site", { fetchSite: "cross-site", origin: "https://evil.example" }],
  ["another port of this machine", { fetchSite: "same-site", origin: "http://127.0.0.1:3000" }],
  ["another site by an old browser", { fetchSite: undefined, origin: "https://evil.example" }],
  ["a sandboxed frame", { fetchSite: undefined, origin: "null" }],
  ["a typed address", { fetchSite: "none", origin: undefined }],
  ["a program", { fetchSite: undefined, origin: undefined }],
  ["a name that was pointed at this machine", { host: "evil.example:8686", origin: "http://evil.example:8686" }],
])("a form from %s is not", (_, changes) => {
  expect(from(changes)).not.toBeNull();
});

test("behind a proxy the configured address is ours", () => {
  const proxied = { host: "127.0.0.1:8686", origin: "https://leeway.example.org" };
  expect(from(proxied)).not.toBeNull();
  expect(from(proxied, { externalUrl: "https://leeway.example.org/leeway" })).toBeNull();
  const kept = { host: "leeway.example.org", origin: "https://leeway.example.org" };
  expect(from(kept, { externalUrl: "https://leeway.example.org" })).toBeNull();
  // With tokens every name will do: whoever is not logged in can do nothing.
  expect(from({ host: "leeway", origin: "http://leeway" }, { open: false })).toBeNull();
});
