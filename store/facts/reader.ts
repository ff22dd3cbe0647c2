import { Readable } from "node:stream";
import { LeewayError } from "../../core/errors.ts";

export interface ReaderAddress {
  readonly url: string;
  readonly user?: string;
  readonly password?: string;
  /** The embedded engine's reader token, instead of user and password. */
  readonly token?: string;
  readonly database: string;
  /** Sent as a setting where the user is not read-only by itself. */
  readonly readonly?: 1 | 2;
}

/**
 * Runs one statement of a person and gives its bytes as ClickHouse writes them; a FORMAT in the statement wins over
 * `format`. What may be read is the server's decision (a read-only user, the engine's reader token), not ours.
 *
 * @throws LeewayError `usage` if the statement is refused, `store_unreachable`, `store_busy`.
 */
export async function readStatement(address: ReaderAddress, sql: string, format: string): Promise<Readable> {
  const target = new URL(address.url);
  const user = address.user ?? (decodeURIComponent(target.username) || "default");
  const password = address.token ?? address.password ?? decodeURIComponent(target.password);
  const host = target.host;
  target.username = "";
  target.password = "";
  target.pathname = "/";
  target.searchParams.set("database", address.database);
  target.searchParams.set("default_format", format);
  if (address.readonly !== undefined) target.searchParams.set("readonly", String(address.readonly));
  let response: Response;
  try {
    response = await fetch(target, {
      method: "POST",
      body: sql,
      headers: { "x-clickhouse-user": user, "x-clickhouse-key": password, "content-type": "text/plain" },
    });
  } catch (cause) {
    throw new LeewayError("store_unreachable", `ClickHouse at ${host} does not answer; check that it runs`, {
      cause,
      retryable: true,
    });
  }
  if (response.ok) return response.body === null ? Readable.from([]) : Readable.fromWeb(response.body);

  const text = (await response.text()).split("\n")[0] ?? "";
  const code = response.headers.get("x-clickhouse-exception-code") ?? /Code: (\d+)/.exec(text)?.[1] ?? "";
  const reason = text
    .replace(/^Code: \d+\. DB::Exception: /, "")
    // A syntax error lists every token that would have done, and the engine's own statement around this one.
    .replace(/ Expected one of: .*?(?=: In scope|: While|\. \(|$)/, "")
    .replace(/: (In scope|While executing|While processing) .*(?= \([A-Z_]+\))/, "")
    .slice(0, 400);
  if (["516", "192", "193", "194"].includes(code)) {
    throw new LeewayError(
      "store_unreachable",
      `ClickHouse at ${host} does not let this user in; check user and password`,
    );
  }
  if (["159", "202", "241", "242"].includes(code)) {
    throw new LeewayError("store_busy", `ClickHouse at ${host} stopped the statement (${code}): ${reason}`, {
      retryable: true,
    });
  }
  if (code === "") {
    throw new LeewayError(
      "store_unreachable",
      `what answers at ${host} is not ClickHouse (HTTP ${response.status}); check the address`,
    );
  }
  throw new LeewayError("usage", `the statement was refused: ${reason}`);
}
