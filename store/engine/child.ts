/**
 * The engine's own process: ClickHouse (npm `chdb`) behind a loopback port that speaks ClickHouse's HTTP interface, as far
 * as `@clickhouse/client` and curl use it. Started by `engine.ts`, which talks to it over standard input and output; when
 * standard input ends, whoever started it is gone, and so is this process.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rm, unlink, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { createGunzip, gzip } from "node:zlib";
import { insertFromFile, splitInline } from "./insert-statement.ts";
import { engineConfiguration } from "./engine-configuration.ts";
import { judgeReaderStatement } from "./reader-statement.ts";
import { createSessionPool, type SessionPool, type Statement, type StatementResult } from "./session-pool.ts";

interface Start {
  readonly dataDir: string;
  readonly port: number;
  readonly token: string;
  readonly readerToken: string;
}

/** URL parameters of ClickHouse's HTTP interface that are not settings. */
const reserved = new Set([
  "query",
  "database",
  "default_format",
  "query_id",
  "session_id",
  "user",
  "password",
  "role",
  "wait_end_of_query",
  "buffer_size",
  "compress",
  "decompress",
  "http_write_exception_in_output_format",
  "enable_http_compression",
  "send_progress_in_http_headers",
  "http_headers_progress_interval_ms",
  "session_timeout",
  "session_check",
  "quota_key",
  "stacktrace",
]);

const stopPatienceMs = 3_000;

/** A statement is text; rows come as a body beside it, which goes to a file. */
const maxStatementBytes = 64 << 20;

const same = (given: string, expected: string) => {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
};

function givenToken(request: IncomingMessage, url: URL): string {
  const key = request.headers["x-clickhouse-key"];
  if (typeof key === "string") return key;
  const [scheme = "", credentials = ""] = (request.headers.authorization ?? "").split(" ");
  if (scheme.toLowerCase() === "bearer") return credentials;
  if (scheme.toLowerCase() === "basic")
    return Buffer.from(credentials, "base64")
      .toString()
      .replace(/^[^:]*:/, "");
  return url.searchParams.get("password") ?? "";
}

function setParameter(params: Record<string, string>, key: string, value: string): void {
  const name = key.slice("param_".length);
  if (!/^\w+$/.test(name)) throw new Error(`Code: 36. DB::Exception: '${name}' is no parameter name. (BAD_ARGUMENTS)`);
  params[name] = value;
}

function statementOf(url: URL, sql: string): Statement {
  const params: Record<string, string> = {};
  const settings: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    if (name.startsWith("param_")) setParameter(params, name, value);
    else if (!reserved.has(name)) settings[name] = value;
  }
  return {
    sql,
    database: url.searchParams.get("database") ?? "default",
    params,
    settings,
    format: url.searchParams.get("default_format") ?? "TabSeparated",
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const source = request.headers["content-encoding"] === "gzip" ? request.pipe(createGunzip()) : request;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxStatementBytes)
      throw new Error("Code: 62. DB::Exception: the statement is too long. (SYNTAX_ERROR)");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Fields of a body as `@clickhouse/client` writes it when parameters are too long for a URL. */
function multipartFields(body: string, boundary: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const part of `\r\n${body}`.split(`\r\n--${boundary}`).slice(1)) {
    const headEnd = part.indexOf("\r\n\r\n");
    const name = /name="([^"]*)"/.exec(part.slice(0, Math.max(0, headEnd)))?.[1];
    if (name !== undefined) fields.set(name, part.slice(headEnd + 4));
  }
  return fields;
}

async function serve(start: Start): Promise<void> {
  const inbox = join(start.dataDir, "inbox");
  // Names of files relative to here are names of tables in the engine's `default` database: there are none.
  const nowhere = join(start.dataDir, "empty");
  await mkdir(nowhere, { recursive: true, mode: 0o700 });
  process.chdir(nowhere);
  const configuration = join(start.dataDir, "engine-config.xml");
  await writeFile(configuration, engineConfiguration, { mode: 0o600 });
  const sessions: SessionPool = await createSessionPool(join(start.dataDir, "clickhouse"), [
    `--config-file=${configuration}`,
  ]);
  // Only now: before, another process might have had the directory.
  await rm(inbox, { recursive: true, force: true });
  await mkdir(inbox, { recursive: true, mode: 0o700 });
  let bodies = 0;

  const own = async (sql: string): Promise<string> => {
    const result = await sessions.run("query", {
      sql,
      database: "default",
      params: {},
      settings: {},
      format: "RawBLOB",
    });
    return Buffer.from(result.body).toString();
  };
  const names = await own("SELECT arrayStringConcat(groupArray(lower(name)), ' ') FROM system.table_functions");
  const tableFunctions: ReadonlySet<string> = new Set(names.split(" "));
  /** One statement in the engine's own spelling, without running it. */
  const canonical = (sql: string) => own(`SELECT formatQuerySingleLine(unhex('${Buffer.from(sql).toString("hex")}'))`);

  const insertBody = async (rows: Readable, url: URL, sql: string) => {
    const path = join(inbox, `${process.pid}-${(bodies += 1)}.rows`);
    try {
      await pipeline(rows, createWriteStream(path, { mode: 0o600 }));
      const rewrite = insertFromFile(sql, path);
      if (rewrite.kind === "not_an_insert") {
        throw new Error("Code: 36. DB::Exception: a body goes with INSERT … FORMAT only. (BAD_ARGUMENTS)");
      }
      return await sessions.run("insert", statementOf(url, rewrite.sql));
    } finally {
      await unlink(path).catch(() => {});
    }
  };

  const runAsReader = async (statement: Statement): Promise<StatementResult> => {
    const sql = await canonical(statement.sql);
    const verdict = judgeReaderStatement(sql, tableFunctions);
    if (verdict.kind === "refused") throw new Error(`Code: 164. DB::Exception: ${verdict.why}. (READONLY)`);
    return sessions.run("reader", { ...statement, sql });
  };

  const runAsWriter = async (statement: Statement, url: URL): Promise<StatementResult> => {
    // Rows that stand in the statement are taken out of it, like those of a body.
    const inline = splitInline(statement.sql);
    if (inline.kind === "refused") throw new Error(`Code: 62. DB::Exception: ${inline.why}. (SYNTAX_ERROR)`);
    if (inline.kind === "rows") return insertBody(Readable.from([inline.rows]), url, inline.sql);
    return sessions.run("query", statement);
  };

  const answer = async (request: IncomingMessage, response: ServerResponse, url: URL) => {
    const token = givenToken(request, url);
    const role = same(token, start.token) ? "writer" : same(token, start.readerToken) ? "reader" : null;
    if (role === null) {
      request.resume();
      throw new Error("Code: 516. DB::Exception: the token is not the engine's. (AUTHENTICATION_FAILED)");
    }
    const query = url.searchParams.get("query") ?? "";
    const hasBody =
      request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0;
    const isInsert = role === "writer" && /^\s*insert\b/i.test(query) && hasBody;
    let result;
    if (isInsert) {
      const gzipped = request.headers["content-encoding"] === "gzip";
      result = await insertBody(gzipped ? request.pipe(createGunzip()) : request, url, query);
    } else {
      const body = await textOf(request);
      const boundary = /^multipart\/form-data;.*boundary="?([^";]+)/i.exec(request.headers["content-type"] ?? "")?.[1];
      const fields = boundary === undefined ? new Map([["query", body]]) : multipartFields(body, boundary);
      const statement = statementOf(url, (query === "" ? "" : `${query}\n`) + (fields.get("query") ?? ""));
      const params = { ...statement.params };
      for (const [key, value] of fields) if (key.startsWith("param_")) setParameter(params, key, value);
      result = await (role === "reader" ? runAsReader : runAsWriter)({ ...statement, params }, url);
    }
    const wantsGzip =
      url.searchParams.get("enable_http_compression") === "1" &&
      /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? "")) &&
      result.body.byteLength > 0;
    const payload = wantsGzip ? await promisify(gzip)(result.body, { level: 1 }) : result.body;
    response.writeHead(200, {
      "content-type": "application/octet-stream",
      "content-length": payload.byteLength,
      ...(wantsGzip ? { "content-encoding": "gzip" } : {}),
      "x-clickhouse-query-id": (url.searchParams.get("query_id") ?? "").replaceAll(/[^\w-]/g, ""),
      // Only what is known: chdb does not say how many rows were written.
      "x-clickhouse-summary": JSON.stringify({
        read_rows: String(result.rowsRead),
        read_bytes: String(result.bytesRead),
        result_bytes: String(result.body.byteLength),
        elapsed_ns: String(Math.round(result.elapsedSeconds * 1e9)),
      }),
    });
    response.end(payload);
  };

  const server = createServer({ maxHeaderSize: 1 << 20 }, (request, response) => {
    const url = new URL(request.url ?? "/", "http://engine");
    if (url.pathname === "/ping") {
      request.resume();
      response.end("Ok.\n");
      return;
    }
    answer(request, response, url).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      const code = /Code: (\d+)\./.exec(message)?.[1] ?? "1001";
      request.resume();
      // The in-process engine does not come back from this; a new process does.
      if (code === "236" && /fatal error/i.test(message)) setImmediate(() => process.exit(3));
      if (response.headersSent) response.destroy();
      else {
        response.writeHead(code === "516" ? 403 : 500, {
          "content-type": "text/plain; charset=UTF-8",
          "x-clickhouse-exception-code": code,
        });
        response.end(`${message}\n`);
      }
    });
  });
  server.keepAliveTimeout = 60_000;
  server.requestTimeout = 0;
  server.listen(start.port, "127.0.0.1", () => {
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    process.stdout.write(`${JSON.stringify({ port })}\n`);
  });
  server.on("error", (error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(3);
  });

  process.stdin.on("end", () => {
    server.close();
    // Acknowledged rows are on disk, so a long query is not worth waiting for; nor is a shutdown that hangs on one.
    setTimeout(() => process.kill(process.pid, "SIGKILL"), stopPatienceMs).unref();
    sessions.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
  process.stdin.resume();
}

// Signals of a terminal reach every process of the group; this one ends when its starter says so.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});

process.stdin.once("data", (line) => {
  serve(JSON.parse(line.toString()) as Start).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(3);
  });
});
