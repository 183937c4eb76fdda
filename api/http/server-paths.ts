/** Operations whose answers hold the server's own texts about jobs. Other answers hold the texts of users, unchanged. */
const tellsOfRuns: readonly string[] = [
  ...['getJobStatus', 'getJobs', 'getTask', 'getTasks'],
  ...['getJobEvents', 'getJobLogs', 'getJobMetrics'],
]

/** Hides a part of the text of an answer. */
export type Hide = (json: string) => string

/**
 * Hides the server's folders from callers without the right to know them: replaces each of these folders by `<server>`.
 * Undefined for operations whose answers hold no text of the server.
 */
export function hidingOf(operation: string, folders: readonly string[]): Hide | undefined {
  if (folders.length === 0 || !tellsOfRuns.includes(operation)) return undefined
  // The longest first, since one may lie below another.
  const inJson = folders.map((folder) => JSON.stringify(folder).slice(1, -1)).toSorted((a, b) => b.length - a.length)
  return (json) => inJson.reduce((text, folder) => text.replaceAll(folder, '<server>'), json)
}
