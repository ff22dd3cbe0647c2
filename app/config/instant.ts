/**
 * A point in time as people write it: RFC 3339 with a zone, or a date, which begins at midnight UTC.
 * @returns ms since the epoch, or null if the text is neither.
 */
export function parseInstant(text: string): number | null {
  const date = /^\d{4}-\d{2}-\d{2}$/.test(text);
  if (!date && !/^\d{4}-\d{2}-\d{2}[T ].*(Z|[+-]\d{2}:?\d{2})$/i.test(text)) return null;
  const ms = Date.parse(date ? `${text}T00:00:00Z` : text);
  return Number.isFinite(ms) ? ms : null;
}
