import { expect, test } from "vitest";
import { createLog } from "./log.ts";

function logTo(level?: string): { readonly lines: string[]; readonly log: ReturnType<typeof createLog> } {
  const lines: string[] = [];
  return { lines, log: createLog({ level, destination: { write: (line) => void lines.push(line) } }) };
}

test("a line is JSON with level, time, the speaker's fields and a message", () => {
  const { lines, log } = logTo();
  log.child({ role: "detector" }).info({ model: "fraud" }, "a window was decided");
  expect(JSON.parse(lines[0] ?? "")).toEqual({
    level: "info",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    role: "detector",
    model: "fraud",
    msg: "a window was decided",
  });
});

test("LEEWAY_LOG sets the level; another word is a usage error", () => {
  const { lines, log } = logTo("warn");
  log.info({}, "quiet");
  log.warn({}, "loud");
  expect(lines).toHaveLength(1);
  expect(() => createLog({ level: "verbose" })).toThrow(
    'LEEWAY_LOG is "verbose"; use one of debug, info, warn, error, silent',
  );
});

test("secrets do not reach the log, neither by name nor on an error", () => {
  const { lines, log } = logTo();
  const secret = "hunter2";
  const error = Object.assign(new Error("refused", { cause: new Error("cause") }), {
    code: "ECONNREFUSED",
    config: { headers: { authorization: secret } },
  });
  log.error({ err: error, token: secret, store: { password: secret }, kafka: { sasl: { password: secret } } }, "no");
  expect(lines.join("")).not.toContain(secret);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    err: { message: "refused", code: "ECONNREFUSED", cause: { message: "cause" } },
  });
});
