/** Makes `dist/`, what the package ships: JavaScript with declarations, and the files that code reads beside itself. */
import { execFileSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "..", "..");
const dist = join(root, "dist");
/** Relative to the root; at the same place below `dist/`. */
const assets = [
  "alerting/**/*.ttf",
  "alerting/**/*.txt",
  "app/page/**/*.{css,js,svg}",
  "app/comparison/**/*.{css,ndjson}",
];

rmSync(dist, { recursive: true, force: true });
execFileSync(join(root, "node_modules", ".bin", "tsc"), ["-p", join(root, "tsconfig.build.json")], {
  stdio: "inherit",
});
for (const file of globSync(assets, { cwd: root })) {
  mkdirSync(dirname(join(dist, file)), { recursive: true });
  cpSync(join(root, file), join(dist, file));
}
