import { readFileSync, writeFileSync } from "node:fs";
import type { SimulationReport } from "../../detectors/simulate/measured.ts";
import {
  keptResults,
  keptResultsPath,
  keptResultsText,
  measuredPage,
  measuredPagePath,
  readKeptResults,
} from "./measured-page.ts";

/**
 * `node app/simulation/publish.ts report.json …` takes reports of `leeway simulate --json` into docs/measured.json, where the
 * newest result of a scenario stands for it, and writes docs/measured.md.
 */
const reports = process.argv.slice(2).map((path) => JSON.parse(readFileSync(path, "utf8")) as SimulationReport);
const kept = keptResults(readKeptResults(), reports);
writeFileSync(keptResultsPath, keptResultsText(kept));
writeFileSync(measuredPagePath, measuredPage(kept));
