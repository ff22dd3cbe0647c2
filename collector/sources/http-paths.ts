/** Rows and dead letters of a request carry its path as their topic: no topic of Kafka can be called so. */
export const ingestPaths = { events: "/v1/events", labels: "/v1/labels" } as const;
