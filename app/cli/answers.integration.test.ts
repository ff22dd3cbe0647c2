import { afterAll, beforeAll, expect, test } from "vitest";
import { LeewayError } from "../../core/errors.ts";
import { startActingService, type ActingService } from "../testing/acting-service.ts";
import type { CommandContext } from "./command.ts";
import { commands } from "./commands.ts";

const token = "s3cret";
let service: ActingService;
let id = "";

beforeAll(async () => {
  service = await startActingService({ token });
  await service.live(2, 100);
  await service.live(3, 130);
  id = service.alerting.incidents.list({ status: "open" })[0]?.id ?? "";
});

afterAll(() => service[Symbol.asyncDispose]());

/** A command line against the running service; standard output, or the error with its exit code. */
async function leeway(
  line: string,
  environment: Readonly<Record<string, string>> = { LEEWAY_TOKEN: token },
): Promise<{ readonly exit: number; readonly text: string }> {
  const [name, ...args] = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
  let text = "";
  const context: CommandContext = {
    environment: { LEEWAY_URL: service.url, USER: "ada", ...environment },
    cwd: "/nonexistent",
    write: (part) => {
      text += part;
    },
    writeBytes: async () => {},
    complain: () => {},
  };
  try {
    const command = commands.find((one) => one.name === name);
    const exit = (await command?.run(args, context)) ?? -1;
    return { exit, text };
  } catch (error) {
    if (!(error instanceof LeewayError)) throw error;
    return { exit: error.exitCode, text: error.message };
  }
}

test("an incident is acknowledged, by the token's holder, and shown so", async () => {
  expect(await leeway(`incidents ack ${id} --comment 'looking at it'`)).toMatchObject({
    exit: 0,
    text: expect.stringContaining(`${id} (amount changed) is acknowledged by grace`),
  });
  const { text } = await leeway(`incidents show ${id}`);
  expect(text).toMatch(/acknowledged +grace, .*: looking at it\n/);
  expect(await leeway(`incidents ${id}`)).toEqual({ exit: 0, text });
});

test("feedback is said with useful or noise", async () => {
  expect((await leeway(`incidents feedback ${id} noise`)).text).toContain("grace says noise");
  expect(await leeway(`incidents feedback ${id}`)).toMatchObject({
    exit: 2,
    text: expect.stringContaining("useful, or noise"),
  });
  expect(await leeway(`incidents feedback ${id} nosie`)).toMatchObject({ exit: 2 });
});

test("silences are made, listed and ended, and the incident shows them", async () => {
  const made = await leeway(`incidents silence ${id} --for 2d`);
  expect(made.text).toMatch(
    /^silenced until .* UTC: model=m environment=production feature=amount signal=distribution/,
  );
  expect((await leeway(`incidents show ${id}`)).text).toMatch(/silenced +until .* by grace/);

  const added = await leeway("silences add model=m feature=amount feature=age --for 8h --comment 'loading history'");
  expect(added.text).toMatch(/holds until .*: model=m feature=amount,age\nopen incidents that match: /);
  const other = JSON.parse((await leeway("silences add model=other --json")).text) as { id: string; matches: [] };
  expect(other.matches).toEqual([]);
  const pattern = await leeway("silences add model=m feature=~am.* feature!=age --for 1h");
  expect(pattern.text).toMatch(/: model=m feature!=age feature=~am\.\*\nopen incidents that match: /);
  await leeway(`silences end ${/silence (\w+)/.exec(pattern.text)![1]}`);
  expect((await leeway("silences")).text).toMatch(/loading history/);
  expect((await leeway(`silences end ${other.id}`)).text).toContain(`silence ${other.id} was ended by grace`);
  expect(JSON.parse((await leeway("silences --json")).text)).toHaveLength(2);
  expect(JSON.parse((await leeway("silences --all --json")).text)).toHaveLength(4);
});

test("a change is accepted once there is enough of it, and the baselines say so", async () => {
  const early = await leeway(`baseline accept ${id}`);
  expect(early).toMatchObject({ exit: 1, text: expect.stringContaining("there should be enough, accept it then") });
  expect((await leeway("baseline list m")).text).toMatch(/^m: its file names .* to .* UTC\nproduction is held against/);
  await service.live(1, 130);
  expect((await leeway(`incidents accept ${id} --comment 'new prices'`)).text).toMatch(
    /^grace accepted .* as the new baseline of m \(production\): .*\nnewer windows .* leeway baseline list m shows it\n$/,
  );
  expect((await leeway(`incidents show ${id}`)).text).toMatch(/accepted +grace, .*: new prices/);
  await service.live(1, 130);
  const { text } = await leeway("baseline list m");
  expect(text).toMatch(/\* decided the newest window\n/);
  expect(text).toMatch(/grace +\w{16} +new prices/);
  expect((await leeway("baseline set m --configured")).text).toMatch(
    / is the baseline of m \(production\) from the next/,
  );
});

test.each([
  ["incidents acknowlege 4c1f0d52a9e3b7f8", 2, "did you mean acknowledge?"],
  ["incidents acknowledge", 2, "write leeway incidents acknowledge ID"],
  ["incidents acknowledge none", 1, 'no incident has the id "none"; leeway incidents lists them'],
  ["incidents silence none --for 4x", 2, 'for: "4x" is not a duration; write 30m, 4h or 2d'],
  ["incidents silence none --until 2020-01-01", 2, "until: 2020-01-01 is over"],
  ["silences add", 2, "name what is held back"],
  ["silences add hour", 2, '"hour" is not LABEL=VALUE; write feature=hour'],
  ["silences add feature=~hour(", 2, "is not a pattern: unterminated group"],
  ["silences add featrue=hour", 2, "did you mean feature?"],
  ["silences end none", 1, 'no silence has the id "none"'],
  ["silences edn none", 2, "did you mean end?"],
  ["baseline", 2, "write list, set, accept"],
  ["baseline list", 2, "write leeway baseline list MODEL"],
  ["baseline list n", 1, 'no model is called "n"; leeway models lists them'],
  ["baseline set m", 2, "--from and --to, or --configured"],
  ["baseline set m --from 2020-01-01 --to 2020-02-01", 1, "it holds 0 whole windows with 0 rows"],
])("leeway %s ends with %i and says what to do", async (line, exit, text) => {
  expect(await leeway(line)).toMatchObject({ exit, text: expect.stringContaining(text) });
});

test("a wrong token, and no service, are said so", async () => {
  expect(await leeway("silences", { LEEWAY_TOKEN: "wrong" })).toMatchObject({
    exit: 2,
    text: expect.stringContaining("wants a token; set LEEWAY_TOKEN"),
  });
  expect(await leeway("silences", { LEEWAY_URL: "" })).toEqual({
    exit: 3,
    text: "no service runs on /nonexistent/data; start leeway serve there, name another directory with --data, or set LEEWAY_URL",
  });
});
