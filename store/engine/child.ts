/**
 * The engine's own process: ClickHouse (npm `chdb`) behind a loopback port that speaks ClickHouse's HTTP interface, as far
 * as `@clickhouse/client` and curl use it. Started by `engine.ts`, which talks to it over standard input and output; when
 * standard input ends, whoever started it is gone, and so is this process.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rm, unlink } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { insertFromFile } from "./insert-statement.ts";
import { judgeReaderStatement } from "./reader-statement.ts";
import { createSessionPool, type Lane, type SessionPool, type Statement } from "./session-pool.ts";

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
]);

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

function statementOf(url: URL, sql: string): Statement {
  const params: Record<string, string> = {};
  const settings: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    if (name.startsWith("param_")) {
      const parameter = name.slice("param_".length);
      if (!/^\w+$/.test(parameter))
        throw new Error(`Code: 36. DB::Exception: '${parameter}' is no parameter name. (BAD_ARGUMENTS)`);
      params[parameter] = value;
    } else if (!reserved.has(name)) settings[name] = value;
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
  const source = request.headers["content-encoding"] === "gzip" ? request.pipe(createGunzip()) : request;
  for await (const chunk of source) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function serve(start: Start): Promise<void> {
  const inbox = join(start.dataDir, "inbox");
  await rm(inbox, { recursive: true, force: true });
  await mkdir(inbox, { recursive: true });
  const sessions: SessionPool = await createSessionPool(join(start.dataDir, "clickhouse"), [
    "--mark_cache_size=67108864",
    "--uncompressed_cache_size=0",
    "--max_threads=2",
    "--max_insert_threads=1",
  ]);
  let bodies = 0;

  const insertBody = async (request: IncomingMessage, url: URL, sql: string) => {
    const path = join(inbox, `${process.pid}-${(bodies += 1)}.rows`);
    try {
      const file = createWriteStream(path, { mode: 0o600 });
      await (request.headers["content-encoding"] === "gzip"
        ? pipeline(request, createGunzip(), file)
        : pipeline(request, file));
      const rewrite = insertFromFile(sql, path);
      if (rewrite.kind === "not_an_insert") {
        throw new Error("Code: 36. DB::Exception: a body goes with INSERT … FORMAT only. (BAD_ARGUMENTS)");
      }
      return await sessions.run("insert", statementOf(url, rewrite.sql));
    } finally {
      await unlink(path).catch(() => {});
    }
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
    if (isInsert) result = await insertBody(request, url, query);
    else {
      const sql = (query === "" ? "" : `${query}\n`) + (await textOf(request));
      if (role === "reader") {
        const verdict = judgeReaderStatement(sql);
        if (verdict.kind === "refused") throw new Error(`Code: 164. DB::Exception: ${verdict.why}. (READONLY)`);
      }
      const lane: Lane = role === "reader" ? "reader" : "query";
      result = await sessions.run(lane, statementOf(url, sql));
    }
    response.writeHead(200, {
      "content-type": "application/octet-stream",
      "content-length": result.body.byteLength,
      "x-clickhouse-query-id": url.searchParams.get("query_id") ?? "",
      "x-clickhouse-summary": JSON.stringify({
        read_rows: String(result.rowsRead),
        read_bytes: String(result.bytesRead),
        written_rows: isInsert ? String(result.rowsRead) : "0",
        written_bytes: "0",
        total_rows_to_read: "0",
        result_rows: "0",
        result_bytes: String(result.body.byteLength),
        elapsed_ns: "0",
      }),
    });
    response.end(result.body);
  };

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://engine");
    if (url.pathname === "/ping") {
      request.resume();
      response.end("Ok.\n");
      return;
    }
    answer(request, response, url).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      const code = /Code: (\d+)/.exec(message)?.[1] ?? "1001";
      request.resume();
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
