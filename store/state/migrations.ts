/** In order; a released migration never changes. Each is one string of SQL, applied in a transaction of its own. */
export const stateMigrations: readonly string[] = [];
