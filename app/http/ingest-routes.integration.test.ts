import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HttpSource } from "../../collector/sources/http.ts";
import { startTestSource, testEvent } from "../../collector/testing/http-fixture.ts";
import { startEngine } from "../../store/engine/engine.ts";
import { createFacts, type Facts } from "../../store/facts/client.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import { migrate } from "../../store/migrations/migrate.ts";
import type { ApiToken } from "../config/service-config.ts";
import { createLog } from "../telemetry/log.ts";
import { createRegistry, createServiceMetrics } from "../telemetry/metrics.ts";
import { maxBodyBytes } from "./ingest-routes.ts";
import { createReadiness } from "./readiness.ts";
import { type HttpServer, startHttpServer } from "./server.ts";

/** A server whose door leads to `source`; without one it has no collector role, and with null it is not ready. */
function serveSource(source?: HttpSource | null, tokens: readonly ApiToken[] | null = null): Promise<HttpServer> {
  const registry = createRegistry({ version: "1.2.3", roles: [] });
  return startHttpServer({
    config: { host: "127.0.0.1", port: 0, externalUrl: null, tokens },
    registry,
    metrics: createServiceMetrics(registry),
    readiness: createReadiness(),
    models: () => [],
    incidents: () => null,
    actions: () => null,
    ...(source !== undefined && { ingest: { source: () => source } }),
    log: createLog({ level: "silent" }),
  });
}

const json = { "content-type": "application/json" };
const event = (id: string, changes = {}) => JSON.stringify(testEvent(id, changes));

interface Sent {
  readonly path?: string;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

async function send({ url }: { readonly url: string }, { path = "/v1/events", body, headers = json }: Sent) {
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    headers,
    ...(body !== undefined && { body: new Uint8Array(Buffer.from(body as string)) }),
  });
  return {
    status: response.status,
    headers: response.headers,
    answer: (await response.json()) as Record<string, unknown>,
  };
}

describe("over one store", () => {
  let facts: Facts;
  let source: HttpSource;
  let server: HttpServer;
  beforeAll(async () => {
    facts = await createTestDatabase();
    source = await startTestSource({ facts });
    server = await serveSource(source);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await source[Symbol.asyncDispose]();
    await facts[Symbol.asyncDispose]();
  });
  const stored = async (prefix: string) => {
    const sql = "SELECT event_id FROM events WHERE startsWith(event_id, {prefix:String}) ORDER BY event_id";
    return (await facts.query<{ event_id: string }>(sql, { prefix })).map((row) => row.event_id);
  };

  test("an object, an array and NDJSON, plain and by gzip, are answered with 202 and a verdict an event", async () => {
    expect(await send(server, { body: event("ok-1") })).toMatchObject({
      status: 202,
      answer: {
        received: 1,
        stored: 1,
        dropped: 0,
        dead_letter: 0,
        kept_in: "clickhouse",
        repeated: false,
        verdicts: [{ index: 0, verdict: "stored" }],
      },
    });
    const gzip = { "content-encoding": "gzip" };
    const ndjson = { "content-type": "application/x-ndjson" };
    await send(server, { body: `[${event("ok-2")},${event("ok-3")}]` });
    await send(server, { body: gzipSync(`[${event("ok-4")}]`), headers: { ...json, ...gzip } });
    await send(server, { body: `${event("ok-5")}\n${event("ok-6")}\n`, headers: ndjson });
    await send(server, { body: gzipSync(event("ok-7")), headers: { ...ndjson, ...gzip } });
    expect(await stored("ok-")).toEqual(["ok-1", "ok-2", "ok-3", "ok-4", "ok-5", "ok-6", "ok-7"]);
  });

  test("a verdict names the event, the reason and what to mend; return=minimal leaves the stored ones out", async () => {
    const body = `[${event("mixed")},${event("mixed-2", { model: "" })}]`;
    const refused = {
      index: 1,
      verdict: "dead_letter",
      reason: "model_missing",
      detail: expect.stringContaining("model") as string,
    };
    const full = await send(server, { body });
    expect(full.answer["verdicts"]).toEqual([{ index: 0, verdict: "stored" }, refused]);
    const { status, answer } = await send(server, { body, headers: { ...json, prefer: "return=minimal" } });
    expect(status).toBe(202);
    expect(answer).toMatchObject({ received: 2, stored: 1, dead_letter: 1, repeated: true, verdicts: [refused] });
  });

  test("an event with 100,000 features and one that is too large get a verdict like any other", async () => {
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`f${index}`, 1]));
    const wide = await send(server, { body: event("wide", { model: "wide", features: many }) });
    expect(wide).toMatchObject({ status: 202, answer: { received: 1 } });
    expect(wide.answer["verdicts"]).toMatchObject([{ reason: "too_large" }]);
    const some = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`f${index}`, 1]));
    expect(await send(server, { body: event("wide", { model: "wide", features: some }) })).toMatchObject({
      answer: { stored: 1 },
    });
    const rows = await facts.query(
      "SELECT length(num) AS features, length(extra) AS beside FROM events WHERE model = 'wide'",
    );
    expect(rows).toEqual([{ features: 100, beside: 49_900 }]);
  });

  test("a key that came with another body is 422", async () => {
    const headers = { ...json, "idempotency-key": "once" };
    expect(await send(server, { body: event("key-1"), headers })).toMatchObject({ status: 202 });
    expect(await send(server, { body: event("key-2"), headers })).toMatchObject({
      status: 422,
      answer: { code: "idempotency_key_reused" },
    });
    expect(await stored("key-")).toEqual(["key-1"]);
  });

  test.each<[string, Sent, number, string, string]>([
    [
      "no Content-Type that is understood",
      { body: "{}", headers: { "content-type": "text/plain" } },
      415,
      "media_type_unsupported",
      'Content-Type is "text/plain"; send application/json',
    ],
    [
      "a compression that is not",
      { body: "{}", headers: { ...json, "content-encoding": "br" } },
      415,
      "media_type_unsupported",
      'Content-Encoding is "br"; send gzip',
    ],
    ["an empty body", { body: "" }, 400, "request_invalid", "the body is empty"],
    ["no body", {}, 400, "request_invalid", "the body is empty"],
    ["broken JSON", { body: '{"model": "a"' }, 400, "request_invalid", "the body is not JSON: it ends too early"],
    [
      "half a gzip",
      { body: gzipSync(event("half")).subarray(0, 40), headers: { ...json, "content-encoding": "gzip" } },
      400,
      "request_invalid",
      "cannot be inflated: it ends too early",
    ],
    [
      "too large a body",
      { body: Buffer.alloc(maxBodyBytes + 1, " ") },
      413,
      "body_too_large",
      "the body has more than 5,242,880 bytes; send it in parts",
    ],
    [
      "a zip bomb",
      { body: gzipSync(Buffer.alloc(64 * maxBodyBytes)), headers: { ...json, "content-encoding": "gzip" } },
      413,
      "body_too_large",
      "the inflated body has more than 5,242,880 bytes",
    ],
    [
      "too many events",
      { body: `[${"1,".repeat(100_000)}1]` },
      413,
      "body_too_large",
      "the body has 100,001 events, more than 100,000",
    ],
    [
      "an empty key",
      { body: "{}", headers: { ...json, "idempotency-key": " " } },
      400,
      "request_invalid",
      "Idempotency-Key has 0 characters; send 1 to 255",
    ],
    [
      "a key that is too long",
      { body: "{}", headers: { ...json, "idempotency-key": "k".repeat(256) } },
      400,
      "request_invalid",
      "Idempotency-Key has 256 characters",
    ],
    ["another path", { path: "/v1/event", body: "{}" }, 404, "not_found", "POST /v1/event is not served here"],
  ])("%s is told in one line", async (_, sent, status, code, says) => {
    const { answer, headers, ...rest } = await send(server, sent);
    expect(rest.status).toBe(status);
    expect(headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
    expect(answer).toMatchObject({
      type: "about:blank",
      status,
      code,
      detail: expect.stringContaining(says) as string,
    });
    expect(answer["detail"]).not.toContain("\n");
  });

  test("a client that goes away in the middle of its body costs nothing for long", async () => {
    const address = new URL(server.url);
    const socket = connect(Number(address.port), address.hostname);
    await once(socket, "connect");
    socket.write(
      `POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${maxBodyBytes}\r\n\r\n[`,
    );
    await expect.poll(() => heldBytes(source)).toBe(3 * maxBodyBytes);
    socket.destroy();
    await expect.poll(() => heldBytes(source)).toBe(0);
  });
});

const heldBytes = async (source: HttpSource) =>
  (await (source as Awaited<ReturnType<typeof startTestSource>>).counted("leeway_ingest_held_bytes"))[""];

test("with tokens one is asked for", async () => {
  await using facts = await createTestDatabase();
  await using source = await startTestSource({ facts });
  await using server = await serveSource(source, [
    { name: "service", sha256: createHash("sha256").update("s3cret").digest() },
  ]);
  const with_ = (authorization?: string) =>
    send(server, { body: event("one"), headers: { ...json, ...(authorization !== undefined && { authorization }) } });
  for (const authorization of [undefined, "Bearer wrong", "Basic s3cret"]) {
    const { status, answer, headers } = await with_(authorization);
    expect([status, answer["code"]]).toEqual([401, "token_required"]);
    expect(headers.get("www-authenticate")).toBe('Bearer realm="leeway"');
  }
  expect(await with_("Bearer s3cret")).toMatchObject({ status: 202 });
});

test("a process without the collector role says who takes events; one that is not ready, when", async () => {
  await using elsewhere = await serveSource();
  expect(await send(elsewhere, { body: event("one") })).toMatchObject({ status: 404, answer: { code: "role_absent" } });
  await using starting = await serveSource(null);
  const { status, answer, headers } = await send(starting, { body: event("one") });
  expect([status, answer["code"], headers.get("retry-after")]).toEqual([503, "not_ready", "5"]);
});

test("when the budget is used up, 429 says when to come again, and the request need not be read", async () => {
  await using facts = await createTestDatabase();
  await using source = await startTestSource({ facts, maxBufferedBytes: 1_000 });
  await using server = await serveSource(source);
  using held = source.reserve(300);
  const { status, answer, headers } = await send(server, { body: event("one") });
  expect([status, answer["code"], headers.get("retry-after")]).toEqual([429, "busy", "2"]);
  held?.[Symbol.dispose]();
  expect(await send(server, { body: event("one") })).toMatchObject({ status: 202 });
});

test("a store that does not answer is 503; the same request later stores its event once", async () => {
  await using facts = await createTestDatabase();
  let away = true;
  const nowhere = createFacts({ url: "http://127.0.0.1:9" });
  const coming: Facts = { ...facts, insertBlock: (insert) => (away ? nowhere : facts).insertBlock(insert) };
  await using source = await startTestSource({ facts: coming });
  await using server = await serveSource(source);
  const sent = { body: event("one"), headers: { ...json, "idempotency-key": "k" } };
  const { status, answer, headers } = await send(server, sent);
  expect([status, answer["code"], headers.get("retry-after")]).toEqual([503, "store_unreachable", "5"]);
  expect(answer["detail"]).toContain("127.0.0.1:9");
  away = false;
  expect(await send(server, sent)).toMatchObject({ status: 202, answer: { stored: 1, repeated: true } });
  expect(await facts.query("SELECT event_id FROM events")).toEqual([{ event_id: "one" }]);
});

test("a store that pushes back is 429; the same request later stores its event once", async () => {
  await using facts = await createTestDatabase();
  await using source = await startTestSource({ facts });
  await using server = await serveSource(source);
  expect(await send(server, { body: event("one") })).toMatchObject({ status: 202 });
  // As with too many parts: the second one is refused.
  await facts.command("SYSTEM STOP MERGES events");
  await facts.command("ALTER TABLE events MODIFY SETTING parts_to_delay_insert = 1, parts_to_throw_insert = 1");
  const body = event("two");
  const { status, answer, headers } = await send(server, { body });
  expect([status, answer["code"], headers.get("retry-after")]).toEqual([429, "busy", "2"]);
  expect(answer["detail"]).toMatch(
    /^ClickHouse at \S+ pushed back \(252\).*; send this request again after Retry-After$/,
  );
  await facts.command("ALTER TABLE events RESET SETTING parts_to_delay_insert, parts_to_throw_insert");
  expect(await send(server, { body })).toMatchObject({ status: 202, answer: { stored: 1, repeated: true } });
  expect(await facts.query("SELECT event_id FROM events ORDER BY event_id")).toEqual([
    { event_id: "one" },
    { event_id: "two" },
  ]);
});

test("a full disk is 507, and nothing is lost once there is room", async (context) => {
  const dataDir = mkdtempSync(join(tmpdir(), "leeway-full-"));
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=48m", "tmpfs", dataDir]).status !== 0) {
    rmSync(dataDir, { recursive: true });
    return context.skip("this user may not mount a file system");
  }
  try {
    await using engine = await startEngine({ dataDir });
    await using facts = createFacts({ url: engine.url, token: engine.token });
    await migrate(facts);
    await using source = await startTestSource({ facts });
    await using server = await serveSource(source);
    expect(await send(server, { body: event("before") })).toMatchObject({ status: 202 });

    const free = () => Number(spawnSync("stat", ["-f", "-c", "%a", dataDir], { encoding: "utf8" }).stdout) * 4096;
    writeFileSync(join(dataDir, "filler"), Buffer.alloc(free() - 256 * 1024));
    const body = `[${Array.from({ length: 4_000 }, (_, index) => event(`full-${index}`)).join(",")}]`;
    const { status, answer } = await send(server, { body });
    expect([status, answer["code"]]).toEqual([507, "store_full"]);
    expect(answer["detail"]).toMatch(/^the disk of ClickHouse at \S+ is full; make room there/);

    rmSync(join(dataDir, "filler"));
    expect(await send(server, { body })).toMatchObject({ status: 202, answer: { stored: 4_000 } });
    expect(await facts.query("SELECT count() AS rows, uniqExact(event_id) AS ids FROM events")).toEqual([
      { rows: 4_001, ids: 4_001 },
    ]);
  } finally {
    spawnSync("umount", [dataDir]);
    rmSync(dataDir, { recursive: true });
  }
});
