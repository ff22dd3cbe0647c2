import { readFile } from "node:fs/promises";
import path from "node:path";

/** Read access to the tables, by ClickHouse's HTTP interface. */
export interface Warehouse {
  query<Row>(sql: string): Promise<Row[]>;
}

interface Address {
  readonly url: string;
  readonly authorization: string | null;
}

/**
 * @param options.folder The data directory, whose engine.json says where the embedded engine listens; it is read for every
 *   query, since an engine that was restarted may have moved.
 * @param options.clickhouseUrl Instead of the embedded engine.
 */
export function createWarehouse(options: {
  readonly folder: string;
  readonly clickhouseUrl: string | null;
  readonly database: string;
}): Warehouse {
  const address = async (): Promise<Address> => {
    if (options.clickhouseUrl !== null) return withoutCredentials(options.clickhouseUrl);
    const file = JSON.parse(await readFile(path.join(options.folder, "engine.json"), "utf8")) as {
      readonly url: string;
      readonly readerToken: string;
    };
    return { url: file.url, authorization: `Bearer ${file.readerToken}` };
  };
  return {
    async query<Row>(sql: string): Promise<Row[]> {
      const { url, authorization } = await address();
      const target = new URL(url);
      target.searchParams.set("database", options.database);
      target.searchParams.set("default_format", "JSONEachRow");
      // 64-bit integers as numbers: no count here comes near 2^53.
      target.searchParams.set("output_format_json_quote_64bit_integers", "0");
      const answer = await fetch(target, {
        method: "POST",
        body: sql,
        headers: authorization === null ? {} : { authorization },
        signal: AbortSignal.timeout(60_000),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`ClickHouse refused a query: ${text.slice(0, 300)}`);
      return text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Row);
    },
  };
}

/** `fetch` refuses a URL that holds a user and a password: they go into a header. */
function withoutCredentials(text: string): Address {
  const url = new URL(text);
  if (url.username === "") return { url: text, authorization: null };
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = "";
  url.password = "";
  return { url: url.href, authorization: `Basic ${Buffer.from(credentials).toString("base64")}` };
}
