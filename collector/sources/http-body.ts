import { promisify } from "node:util";
import { gunzip } from "node:zlib";

/** A body's messages, or why it has none. */
export type BodyReading =
  | {
      readonly kind: "messages";
      /** Slices of the inflated body: one JSON text each, not parsed yet. */
      readonly messages: readonly Buffer[];
      /** Inflated. */
      readonly body: Buffer;
    }
  | { readonly kind: "malformed" | "too_large" | "unsupported"; readonly detail: string };

type Refusal = Exclude<BodyReading, { readonly kind: "messages" }>;

const inflate = promisify(gunzip);

const forms: Readonly<Record<string, "json" | "ndjson">> = {
  "application/json": "json",
  "application/x-ndjson": "ndjson",
  "application/ndjson": "ndjson",
  "application/jsonl": "ndjson",
  "application/x-jsonlines": "ndjson",
};

/**
 * Takes a request's body apart: one JSON object, an array of them, or one object a line (NDJSON), plain or by gzip.
 *
 * An array is cut at its commas without being parsed, so that each message keeps its own bytes and one that is broken
 * costs the others nothing. Of NDJSON empty lines are passed over.
 *
 * @param request.maxBytes Bound of the body, before and after it is inflated; what would inflate to more is not inflated.
 */
export async function readBody(request: {
  readonly bytes: Buffer;
  /** The headers as they came. */
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly maxBytes: number;
}): Promise<BodyReading> {
  const form = formOf(request.contentType);
  if (typeof form !== "string") return form;
  if (request.bytes.length === 0) return malformed("the body is empty; send an object, an array of objects, or NDJSON");
  if (request.bytes.length > request.maxBytes) return tooLarge(request.maxBytes);
  const body = await inflated(request);
  if (!Buffer.isBuffer(body)) return body;
  const reading = form === "ndjson" ? lines(body) : jsonMessages(body);
  return Array.isArray(reading) ? { kind: "messages", messages: reading, body } : (reading as Refusal);
}

/** The form that a Content-Type names, or why it is refused. */
export function formOf(contentType: string | undefined): "json" | "ndjson" | Refusal {
  const mediaType = (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  const form = forms[mediaType];
  if (form !== undefined) return form;
  const given = mediaType === "" ? "there is no Content-Type" : `Content-Type is ${JSON.stringify(mediaType)}`;
  const detail = `${given}; send application/json (an object or an array) or application/x-ndjson (one object a line)`;
  return { kind: "unsupported", detail };
}

async function inflated(request: {
  readonly bytes: Buffer;
  readonly contentEncoding: string | undefined;
  readonly maxBytes: number;
}): Promise<Buffer | Refusal> {
  const encoding = (request.contentEncoding ?? "identity").trim().toLowerCase();
  if (encoding === "identity" || encoding === "") return request.bytes;
  if (encoding !== "gzip" && encoding !== "x-gzip") {
    return {
      kind: "unsupported",
      detail: `Content-Encoding is ${JSON.stringify(encoding)}; send gzip, or the body as it is`,
    };
  }
  try {
    return await inflate(request.bytes, { maxOutputLength: request.maxBytes });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ERR_BUFFER_TOO_LARGE") return tooLarge(request.maxBytes, "inflated ");
    const why = code === "Z_BUF_ERROR" ? "it ends too early" : "it is damaged, or not gzip at all";
    return malformed(`Content-Encoding is gzip, and the body cannot be inflated: ${why}`);
  }
}

function tooLarge(maxBytes: number, how = ""): Refusal {
  const detail = `the ${how}body has more than ${maxBytes.toLocaleString("en")} bytes; send it in parts`;
  return { kind: "too_large", detail };
}

function malformed(detail: string): Refusal {
  return { kind: "malformed", detail };
}

const newline = 0x0a;
const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === newline || byte === 0x0d || byte === 0x09;
}

/** Without white space at both ends. */
function trimmed(body: Buffer, from: number, to: number): Buffer {
  let [start, end] = [from, to];
  while (start < end && isSpace(body[start])) start++;
  while (end > start && isSpace(body[end - 1])) end--;
  return body.subarray(start, end);
}

/** Windows' editors begin a file with it. */
function withoutMark(body: Buffer): Buffer {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? body.subarray(3) : body;
}

function lines(whole: Buffer): Buffer[] | Refusal {
  const body = withoutMark(whole);
  const messages: Buffer[] = [];
  for (let start = 0; start < body.length;) {
    const found = body.indexOf(newline, start);
    const end = found === -1 ? body.length : found;
    const line = trimmed(body, start, end);
    if (line.length > 0) messages.push(line);
    start = end + 1;
  }
  return messages.length > 0 ? messages : malformed("the body holds nothing but empty lines");
}

function jsonMessages(whole: Buffer): Buffer[] | Refusal {
  const unmarked = withoutMark(whole);
  const body = trimmed(unmarked, 0, unmarked.length);
  if (body.length === 0) return malformed("the body holds nothing but white space");
  if (body[0] === openBracket) return arrayElements(body);
  if (body[0] !== openBrace) return malformed("the body is neither an object nor an array of objects");
  const text = body.toString("utf8");
  try {
    JSON.parse(text);
  } catch (error) {
    return malformed(`the body is not JSON: ${syntaxDetail(error, text.length)}${ndjsonHint(body)}`);
  }
  return [body];
}

/** One object a line under the wrong name is what people send most. */
function ndjsonHint(body: Buffer): string {
  const end = body.indexOf(newline);
  if (end === -1) return "";
  try {
    JSON.parse(body.subarray(0, end).toString("utf8"));
    return "; for one object a line, send Content-Type: application/x-ndjson";
  } catch {
    return "";
  }
}

/** V8 quotes the text around the mistake; the position is what helps, and the content is nobody's business. */
function syntaxDetail(error: unknown, length: number): string {
  const message = error instanceof Error ? error.message : String(error);
  const position = /position (\d+)(?: \(line (\d+) column (\d+)\))?/.exec(message);
  if (position === null || Number(position[1]) >= length) return "it ends too early";
  return position[2] === undefined
    ? `there is a mistake at character ${position[1]}`
    : `there is a mistake in line ${position[2]}, column ${position[3]}`;
}

/** Cuts an array at its own commas; whether an element is JSON shows when it is decoded. */
function arrayElements(body: Buffer): Buffer[] | Refusal {
  const elements: Buffer[] = [];
  let depth = 0;
  let start = 1;
  for (let at = 1; at < body.length; at++) {
    switch (body[at]) {
      case quote:
        at = stringEnd(body, at);
        if (at === -1) return unended(elements.length);
        break;
      case openBrace:
      case openBracket:
        depth++;
        break;
      case closeBrace:
        depth--;
        break;
      case closeBracket:
        if (depth > 0) {
          depth--;
          break;
        }
        if (at !== body.length - 1) return malformed("the body is not JSON: something follows the array's end");
        return withLast(elements, trimmed(body, start, at));
      case comma:
        if (depth > 0) break;
        elements.push(trimmed(body, start, at));
        start = at + 1;
        break;
      default:
    }
    if (depth < 0) return malformed(`the body is not JSON: a } too many after element ${elements.length}`);
  }
  return unended(elements.length);
}

function withLast(elements: Buffer[], last: Buffer): Buffer[] | Refusal {
  // An empty array is a batch with nothing in it.
  if (last.length > 0) elements.push(last);
  else if (elements.length > 0) return malformed("the body is not JSON: the array ends with a comma");
  const empty = elements.findIndex((element) => element.length === 0);
  return empty === -1 ? elements : malformed(`the body is not JSON: element ${empty} of the array is missing`);
}

function unended(elements: number): Refusal {
  return malformed(`the body is not JSON: the array ends too early, within element ${elements}`);
}

/** Where the string that begins at `at` ends; −1 if it does not. */
function stringEnd(body: Buffer, at: number): number {
  for (let end = body.indexOf(quote, at + 1); end !== -1; end = body.indexOf(quote, end + 1)) {
    let backslashes = 0;
    while (body[end - 1 - backslashes] === backslash) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return -1;
}
