export * from "./detectors/index.ts";
