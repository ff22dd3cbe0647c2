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
          // Under load a test that takes 20 s may take three times as long; none of them waits for time.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
