#!/usr/bin/env node
// Starts Leeway on Node 24, whatever Node runs this file: plain JavaScript that Node 18 understands.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const neededMajor = 24;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, "app", "cli", "main.ts");
// A package has no sources; a clone runs them, however old the build beside them is.
const main = existsSync(source) ? source : join(root, "dist", "app", "cli", "main.js");

/** The Node 24 that came with `npm ci`. */
function bundledNode() {
  const require = createRequire(import.meta.url);
  const system = process.platform === "win32" ? "win" : process.platform;
  const executable = process.platform === "win32" ? "node.exe" : "node";
  for (const name of [`node-${system}-${process.arch}`, `node-bin-${system}-${process.arch}`]) {
    try {
      const path = join(dirname(require.resolve(`${name}/package.json`)), "bin", executable);
      if (existsSync(path)) return path;
    } catch {
      // Not installed: optional dependencies are those of one platform.
    }
  }
  const linked = join(root, "node_modules", ".bin", executable);
  return existsSync(linked) ? linked : null;
}

/**
 * Room for short-lived objects: a collector makes a few kilobytes of them an event, and V8's default nursery copies many
 * that are about to die. Measured by `npm run bench`; V8 takes these at its start only.
 */
const nursery = ["--max-semi-space-size=64", "--min-semi-space-size=64"];
const wantsNursery =
  process.argv[2] === "serve" &&
  !`${process.execArgv.join(" ")} ${process.env.NODE_OPTIONS ?? ""}`.includes("-semi-space-size");
const nodeArgs = wantsNursery ? nursery : [];

/** This process becomes another Node: signals and exit codes need no passing on. */
function become(node, args) {
  // The call announces itself as experimental.
  process.emitWarning = () => {};
  process.execve(node, [node, ...args], process.env);
}

const canBecome = typeof process.execve === "function" && process.platform !== "win32";
const recentEnough = Number(process.versions.node.split(".")[0]) >= neededMajor;

if (recentEnough && (!wantsNursery || !canBecome)) {
  await import(pathToFileURL(main).href);
} else if (recentEnough) {
  become(process.execPath, [...process.execArgv, ...nursery, ...process.argv.slice(1)]);
} else {
  const node = bundledNode();
  if (node === null) {
    process.stderr.write(
      `leeway: needs Node ${neededMajor} or newer, this is ${process.version}; run npm ci in ${root}, or install Node ${neededMajor}\n`,
    );
    process.exit(2);
  }
  const args = [...nodeArgs, main, ...process.argv.slice(2)];
  if (canBecome) become(node, args);
  // The fourth stream carries nothing. When this process dies, even by SIGKILL, it closes, and the child ends too.
  const child = spawn(node, args, {
    stdio: ["inherit", "inherit", "inherit", "pipe"],
    env: { ...process.env, LEEWAY_LAUNCHER_FD: "3" },
  });
  const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`leeway: cannot start ${node}: ${error.message}; run npm ci in ${root}\n`);
    process.exit(3);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 3);
    for (const known of signals) process.removeAllListeners(known);
    process.kill(process.pid, signal);
  });
}
