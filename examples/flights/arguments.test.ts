import { expect, test } from "vitest";
import { parseDemoArguments } from "./arguments.ts";

const wrong = (...argv: string[]) => {
  const parsed = parseDemoArguments(argv);
  return parsed.kind === "wrong" ? parsed.message : parsed.kind;
};

test("without arguments the run covers thirteen weeks with faults", () => {
  expect(parseDemoArguments([])).toEqual({
    kind: "run",
    arguments: { lastDay: "2001-04-29", faults: true, seed: 1, keepRunning: false, chaos: false, transport: "kafka" },
  });
});

test("--until and --all set the last day, and exclude each other", () => {
  expect(parseDemoArguments(["--until", "2001-03-18"])).toMatchObject({ arguments: { lastDay: "2001-03-18" } });
  expect(parseDemoArguments(["--all"])).toMatchObject({ arguments: { lastDay: "2001-06-30" } });
  expect(wrong("--all", "--until", "2001-03-18")).toContain("exclude each other");
});

test("--transport names the way, and only one there is", () => {
  expect(parseDemoArguments(["--transport", "http"])).toMatchObject({ arguments: { transport: "http" } });
  expect(wrong("--transport", "amqp")).toBe("--transport amqp is neither kafka nor http");
});

test("a day outside the data, a day that is none, and unknown options are usage errors that say why", () => {
  expect(wrong("--until", "2001-01-28")).toContain("not between 2001-01-29 and 2001-06-30");
  expect(wrong("--until", "2001-07-01")).toContain("not between");
  expect(wrong("--until", "soon")).toContain("not a day");
  expect(wrong("--seed", "1.5")).toContain("not a whole number");
  expect(wrong("--fast")).toContain("--fast");
});
