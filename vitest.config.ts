import { defineConfig } from "vitest/config";

// Two projects: `unit` needs nothing but Node; `integration` starts one Kafka broker and one ClickHouse engine for all its files.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["**/*.test.ts"],
          exclude: ["**/*.integration.test.ts", "**/node_modules/**", "dist/**", ".cache/**"],
        },
      },
      {
        test: {
          name: "integration",
          include: ["**/*.integration.test.ts"],
          exclude: ["**/node_modules/**", "dist/**", ".cache/**"],
          globalSetup: [
            "deploy/testing/debian-packages.ts",
            "deploy/testing/kafka.setup.ts",
            "deploy/testing/engine.setup.ts",
          ],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
