import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readBody } from "./http-body.ts";

const maxBytes = 1_000;

const read = (body: string | Buffer, changes: Partial<Parameters<typeof readBody>[0]> = {}) =>
  readBody({
    bytes: Buffer.from(body as string),
    contentType: "application/json",
    contentEncoding: undefined,
    maxBytes,
    ...changes,
  });

const texts = async (...request: Parameters<typeof read>) => {
  const reading = await read(...request);
  return reading.kind === "messages" ? reading.messages.map(String) : reading;
};

const ndjson = { contentType: "application/x-ndjson" };

describe("a body is taken apart without being parsed", () => {
  test("one object is one message, as it was written", async () => {
    expect(await texts(' {"a": 1.0} \n')).toEqual(['{"a": 1.0}']);
  });

  test("an array is cut at its own commas only", async () => {
    expect(await texts('[{"a":[1,2]} , {"b":"],\\"},{"}\n,{}]')).toEqual(['{"a":[1,2]}', '{"b":"],\\"},{"}', "{}"]);
    expect(await texts('[{"a":"\\\\"},{"b":"\\\\\\""}]')).toEqual(['{"a":"\\\\"}', '{"b":"\\\\\\""}']);
    expect(await texts("[]")).toEqual([]);
  });

  test("every array of JSON values is cut into those values", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue(), { maxLength: 8 }), fc.nat(2), async (values, spaces) => {
        const cut = await texts(JSON.stringify(values, null, spaces), { maxBytes: 1e6 });
        expect((cut as string[]).map((text) => JSON.parse(text) as unknown)).toEqual(
          JSON.parse(JSON.stringify(values)) as unknown,
        );
      }),
    );
  });

  test("an element that is broken inside costs the others nothing", async () => {
    expect(await texts('[{"a":1},{"b":},{"c":3}]')).toEqual(['{"a":1}', '{"b":}', '{"c":3}']);
  });

  test("NDJSON is a message a line; empty lines and a byte order mark are passed over", async () => {
    expect(await texts('\ufeff{"a":1}\r\n\n  \n{"b":2}', ndjson)).toEqual(['{"a":1}', '{"b":2}']);
    expect(await texts('{"a":1}\nnot json\n', ndjson)).toEqual(['{"a":1}', "not json"]);
  });

  test.each([
    "application/json; charset=utf-8",
    "Application/JSON",
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
  ])("%s is understood", async (contentType) => {
    expect(await texts('{"a":1}', { contentType })).toEqual(['{"a":1}']);
  });

  test("gzip is inflated", async () => {
    const zipped = gzipSync('{"a":1}\n{"b":2}\n');
    expect(await texts(zipped, { ...ndjson, contentEncoding: "gzip" })).toEqual(['{"a":1}', '{"b":2}']);
  });
});

describe("what is no body of messages is refused in one line", () => {
  test.each([
    ["", "malformed", "the body is empty; send an object, an array of objects, or NDJSON"],
    [" \n ", "malformed", "the body holds nothing but white space"],
    ["7", "malformed", "the body is neither an object nor an array of objects"],
    ['{"a":', "malformed", "the body is not JSON: it ends too early"],
    ['{"a" 1}', "malformed", "the body is not JSON: there is a mistake in line 1, column 6"],
    ['{"a":1}\n{"b":2}', "malformed", "; for one object a line, send Content-Type: application/x-ndjson"],
    ['[{"a":1},{"b":', "malformed", "the body is not JSON: the array ends too early, within element 1"],
    ['[{"a":"1]', "malformed", "the body is not JSON: the array ends too early, within element 0"],
    ['[{"a":1}}]', "malformed", "the body is not JSON: a } too many after element 0"],
    ['[{"a":1},]', "malformed", "the body is not JSON: the array ends with a comma"],
    ['[{"a":1},,{"b":2}]', "malformed", "the body is not JSON: element 1 of the array is missing"],
    ['[{"a":1}] {}', "malformed", "the body is not JSON: something follows the array's end"],
    [`{"a":"${"x".repeat(maxBytes)}"}`, "too_large", "the body has more than 1,000 bytes; send it in parts"],
  ])("%j", async (body, kind, says) => {
    const reading = await read(body);
    expect(reading).toMatchObject({ kind, detail: expect.stringContaining(says) as string });
  });

  test("NDJSON without a line", async () => {
    expect(await read("\n\n", ndjson)).toMatchObject({ detail: "the body holds nothing but empty lines" });
  });

  test.each([
    [undefined, "there is no Content-Type; send application/json (an object or an array) or"],
    ["application/x-www-form-urlencoded", 'Content-Type is "application/x-www-form-urlencoded"; send application/json'],
    ["text/csv", 'Content-Type is "text/csv"; send'],
  ])("Content-Type %s", async (contentType, says) => {
    expect(await read("{}", { contentType })).toMatchObject({
      kind: "unsupported",
      detail: expect.stringContaining(says) as string,
    });
  });

  test("a zip bomb is refused before it is inflated, half a gzip and no gzip are told", async () => {
    const gzip = { contentEncoding: "gzip" };
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    expect(await read(bomb, { ...gzip, maxBytes: 100_000 })).toEqual({
      kind: "too_large",
      detail: "the inflated body has more than 100,000 bytes; send it in parts",
    });
    const half = gzipSync('{"a":1}').subarray(0, 20);
    expect(await read(half, gzip)).toMatchObject({ kind: "malformed", detail: expect.stringContaining("too early") });
    expect(await read("{}", gzip)).toMatchObject({ kind: "malformed", detail: expect.stringContaining("not gzip") });
    expect(await read("{}", { contentEncoding: "br" })).toMatchObject({
      kind: "unsupported",
      detail: 'Content-Encoding is "br"; send gzip, or the body as it is',
    });
  });
});
