import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { expect, test } from "vitest";
import { createLeewayFolder, eventually } from "../testing/leeway-process.ts";

/** A Node on the PATH that is too old to run Leeway itself; null if there is none. */
function findOldNode(): string | null {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const node = join(folder, "node");
    if (!existsSync(node)) continue;
    const version = spawnSync(node, ["--version"], { encoding: "utf8" }).stdout;
    if (Number(/^v(\d+)/.exec(version)?.[1]) < 24) return node;
  }
  return null;
}

const oldNode = findOldNode();
const serve = ["serve", "--roles", "alerting", "--port", "0"];

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The processes below one, children of children too. */
function descendants(root: number): readonly number[] {
  const children = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return Number(/^\d+ \(.*\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]) === root;
      } catch {
        return false; // It has ended meanwhile.
      }
    })
    .map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

// Where the system's Node is new enough there is nothing to launch.
test.skipIf(oldNode === null)("an older Node starts the Node 24 that came with the packages", async () => {
  using folder = createLeewayFolder({}, oldNode ?? "");
  expect(await folder.run(["version"])).toMatchObject({ code: 0, stdout: expect.stringMatching(/\(node v24\./) });
  expect(await folder.run(["sq"])).toMatchObject({ code: 2, signal: null });
});

test.skipIf(oldNode === null)("signals and exit codes pass through an older Node", async () => {
  using folder = createLeewayFolder({}, oldNode ?? "");
  await using leeway = folder.start(serve);
  await leeway.url;
  leeway.kill("SIGTERM");
  expect(await leeway.ended).toMatchObject({ code: 143, signal: null });
});

test.skipIf(oldNode === null || process.platform !== "linux")(
  "SIGKILL of the launcher leaves no process behind",
  async () => {
    using folder = createLeewayFolder({}, oldNode ?? "");
    await using leeway = folder.start(serve);
    await leeway.url;
    const left = descendants(leeway.pid);
    // The service and its engine.
    expect(left.length).toBeGreaterThanOrEqual(2);
    leeway.kill("SIGKILL");
    await eventually(
      async () => left.some(isAlive),
      (alive) => !alive,
    );
  },
);
