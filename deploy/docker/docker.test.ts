import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";

interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, unknown>> | readonly string[];
}

const folder = import.meta.dirname;
const root = join(folder, "../..");
const compose = parse(readFileSync(join(folder, "compose.yaml"), "utf8")) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};

test("what the image copies is in the repository, and every folder of the product is copied", () => {
  const copies = [...readFileSync(join(folder, "Dockerfile"), "utf8").matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
    ([, sources = ""]) => sources.split(" "),
  );
  for (const source of copies) expect(existsSync(join(root, source)), source).toBe(true);
  expect(copies).toEqual(expect.arrayContaining(["core", "store", "collector", "detectors", "alerting", "app", "bin"]));
});

test("what the services mount is in the repository, made by make-token.sh, or a named volume", () => {
  const made = [...readFileSync(join(folder, "make-token.sh"), "utf8").matchAll(/secrets\/[\w.]+/g)].map(
    ([path]) => path,
  );
  const mounts = Object.values(compose.services).flatMap(({ volumes = [] }) => volumes);
  expect(mounts.length).toBeGreaterThan(5);
  for (const mount of mounts) {
    const [source = ""] = mount.split(":");
    const known =
      source in compose.volumes || made.includes(source.replace("./", "")) || existsSync(join(folder, source));
    expect(known, mount).toBe(true);
  }
});

test("images are pinned, ports are published on loopback alone, dependencies exist", () => {
  for (const [name, service] of Object.entries(compose.services)) {
    if (service.build === undefined) expect(service.image, name).toMatch(/:v?\d+\.\d+/);
    for (const port of service.ports ?? []) expect(port, name).toMatch(/^127\.0\.0\.1:/);
    const needs = Array.isArray(service.depends_on) ? service.depends_on : Object.keys(service.depends_on ?? {});
    for (const needed of needs) expect(compose.services).toHaveProperty(needed as string);
  }
});
