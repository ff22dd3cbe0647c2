import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { createLog } from "../telemetry/log.ts";
import { createRegistry, createServiceMetrics } from "../telemetry/metrics.ts";
import { isLoopback } from "../config/loopback.ts";
import type { ApiToken } from "../config/service-config.ts";
import { createReadiness } from "./readiness.ts";
import { type HttpServer, startHttpServer } from "./server.ts";
import { tokenHolder } from "./tokens.ts";

const hashed = (name: string, token: string): ApiToken => ({
  name,
  sha256: createHash("sha256").update(token).digest(),
});

const readiness = createReadiness();
readiness.set("store", { state: "ready" });

function start(changes: { readonly host?: string; readonly tokens?: readonly ApiToken[] } = {}): Promise<HttpServer> {
  const registry = createRegistry({ version: "1.2.3", roles: ["alerting"] });
  const incident = { id: "a b", title: "hour changed" };
  return startHttpServer({
    config: { host: changes.host ?? "127.0.0.1", port: 0, externalUrl: null, tokens: changes.tokens ?? null },
    registry,
    metrics: createServiceMetrics(registry),
    readiness,
    models: () => [],
    incidents: () => ({
      list: ({ limit }) => (limit === 100 ? [incident] : []),
      get: (id) => (id === incident.id ? incident : null),
      forgotten: (id) => (id === "old" ? "incident old ended long ago; ClickHouse has it" : null),
      knownSince: () => null,
    }),
    actions: () => null,
    log: createLog({ level: "silent" }),
  });
}

test.each(["127.0.0.1", "127.8.9.1", "::1", "localhost", "::ffff:127.0.0.1", "0:0:0:0:0:0:0:1"])(
  "%s is loopback",
  (host) => {
    expect(isLoopback(host)).toBe(true);
  },
);

test.each(["0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "example.org", "127.example.org", "fe80::1", "::2"])(
  "%s is not loopback",
  (host) => {
    expect(isLoopback(host)).toBe(false);
  },
);

test("off loopback a token is required", async () => {
  await expect(start({ host: "0.0.0.0" })).rejects.toMatchObject({ code: "token_required", exitCode: 2 });
});

test("with tokens everything but health asks for one", async () => {
  await using server = await start({ tokens: [hashed("grafana", "s3cret"), hashed("me", "other")] });
  const status = async (path: string, authorization?: string) =>
    (await fetch(`${server.url}${path}`, authorization === undefined ? {} : { headers: { authorization } })).status;
  expect(await status("/healthz")).toBe(200);
  expect(await status("/readyz")).toBe(200);
  for (const path of ["/metrics", "/api/v1/models", "/api/v1/incidents", "/nowhere"]) {
    expect(await status(path)).toBe(401);
    expect(await status(path, "Bearer wrong")).toBe(401);
    expect(await status(path, "Basic s3cret")).toBe(401);
  }
  expect(await status("/metrics", "Bearer s3cret")).toBe(200);
  expect(await status("/api/v1/models", "bearer other")).toBe(200);
  expect(await status("/nowhere", "Bearer other")).toBe(404);
});

test("a token is told by its hash", () => {
  const tokens = [hashed("a", "one"), hashed("b", "two")];
  expect(tokenHolder("Bearer two", tokens)).toBe("b");
  expect(tokenHolder("Bearer ", [hashed("empty", "")])).toBeNull();
  expect(tokenHolder(undefined, tokens)).toBeNull();
});

test("errors are problem JSON with a code", async () => {
  await using server = await start();
  const problemOf = async (path: string) => {
    const response = await fetch(`${server.url}${path}`);
    expect(response.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
    const problem = (await response.json()) as { status: number; code: string };
    expect(problem).toMatchObject({ type: "about:blank", status: response.status });
    return problem.code;
  };
  expect(await problemOf("/api/v1/incidents/none")).toBe("incident_unknown");
  expect(await problemOf("/api/v1/incidents?limit=0")).toBe("request_invalid");
  expect(await problemOf("/api/v1/incidents?model=a&model=b")).toBe("request_invalid");
  expect(await problemOf("/api/v1/incidents?stauts=open")).toBe("request_invalid");
  expect(await problemOf("/nowhere")).toBe("not_found");
  expect(await problemOf("/api/v1/incidents/%ff")).toBe("request_invalid");
});

test("incidents come as alerting tells them", async () => {
  await using server = await start();
  const json = async (path: string) => (await fetch(`${server.url}${path}`)).json();
  expect(await json("/api/v1/incidents")).toEqual({ incidents: [{ id: "a b", title: "hour changed" }] });
  expect(await json("/api/v1/incidents?limit=5")).toEqual({ incidents: [] });
  expect(await json("/api/v1/incidents/old")).toMatchObject({
    code: "incident_unknown",
    detail: "incident old ended long ago; ClickHouse has it",
  });
  expect(await json("/api/v1/incidents/a%20b")).toEqual({ id: "a b", title: "hour changed" });
});

test("a part that is not ready makes the whole not ready, by name", async () => {
  await using server = await start();
  readiness.check("kafka", async () => {
    throw new Error("no broker answers");
  });
  const response = await fetch(`${server.url}/readyz`);
  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({
    status: "not_ready",
    parts: { store: { state: "ready" }, kafka: { state: "failing", detail: "no broker answers" } },
  });
});

test("requests are counted by route, not by path", async () => {
  await using server = await start();
  await fetch(`${server.url}/api/v1/incidents/one`);
  await fetch(`${server.url}/api/v1/incidents/two`);
  await fetch(`${server.url}/elsewhere/1`);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toContain('leeway_http_requests_total{route="/api/v1/incidents/:id",status="404"} 2');
  expect(metrics).toContain('leeway_http_requests_total{route="none",status="404"} 1');
  expect(metrics).toContain('leeway_build_info{version="1.2.3"');
});

test("a port that is taken is told with what to do", async () => {
  await using server = await start();
  const port = Number(new URL(server.url).port);
  const registry = createRegistry({ version: "0", roles: [] });
  const second = startHttpServer({
    config: { host: "127.0.0.1", port, externalUrl: null, tokens: null },
    registry,
    metrics: createServiceMetrics(registry),
    readiness,
    models: () => [],
    incidents: () => null,
    actions: () => null,
    log: createLog({ level: "silent" }),
  });
  await expect(second).rejects.toMatchObject({ code: "address_in_use", exitCode: 3 });
});
