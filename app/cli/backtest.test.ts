import { expect, test } from "vitest";
import { LeewayError } from "../../core/errors.ts";
import { backtestCommand } from "./backtest.ts";
import type { CommandContext } from "./command.ts";

const context: CommandContext = {
  environment: {},
  cwd: import.meta.dirname,
  write: () => {},
  writeBytes: () => Promise.resolve(),
  complain: () => {},
};

const files = ["--reference", "a.csv", "--current", "b.csv"];

test.each<readonly [args: readonly string[], says: RegExp]>([
  [[], /which data\? Give --reference and --current/],
  [["--reference", "a.csv"], /--current is missing/],
  [["--current", "a.csv"], /--reference is missing/],
  [[...files, "--window", "soon"], /--window "soon" is not a length of at least a minute; write it as 1d or 1h/],
  [[...files, "--window-rows", "0"], /--window-rows "0" is not a number of rows; write it as 5000/],
  [[...files, "--window-rows", "1e3"], /--window-rows "1e3" is not a number of rows/],
  [[...files, "--window", "1d", "--window-rows", "5"], /--window cuts by time, --window-rows by rows; give one/],
  [[...files, "--label", ""], /--label is empty; write a column's name/],
  [[...files, "--types", "x=number"], /--types "x=number" is not NAME=TYPE with one of numeric, categorical, boolean/],
  [[...files, "--columns", "a,,b"], /--columns "a,,b" holds an empty name/],
  [[...files, "--from", "2026-01-01"], /--from is for the store; leave it out beside files/],
  [[...files, "--model", "m"], /--model names a model of the configuration; give --config too/],
  [[...files, "--compare", "b.yaml"], /--compare holds another configuration against --config/],
  [["--from", "2026-01-01", "--window-rows", "5"], /--window-rows is about files/],
  [["--from", "2026-01-01"], /--to is missing; write it as 2026-02-01/],
  [["--from", "soon", "--to", "2026-01-01"], /--from "soon" is not a time/],
  [["--from", "2026-02-01", "--to", "2026-01-01"], /--to 2026-01-01 is not after --from 2026-02-01/],
  [["--config", "none.yaml", "--from", "2026-01-01", "--to", "2026-02-01"], /none\.yaml: there is no such file/],
])("%j is refused in one line, before anything is started", async (args, says) => {
  const error = await backtestCommand.run(args, context).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(LeewayError);
  expect((error as LeewayError).message).toMatch(says);
  expect((error as LeewayError).message).not.toContain("\n");
  expect((error as LeewayError).exitCode).toBe(2);
});
