/** Operations that tell what happened in jobs, in words of the server. What a user has written is answered as it was written. */
const tellsOfRuns: readonly string[] = [
  ...['getJobStatus', 'getJobs', 'getTask', 'getTasks'],
  ...['getJobEvents', 'getJobLogs', 'getJobMetrics'],
]

/** Hides a part of the text of an answer. */
export type Hide = (json: string) => string

/**
 * Hides where a server keeps its things from those who aren't to know it: a path below one of these folders is told as one
 * below `<server>`. Undefined for operations that tell nothing of the server's.
 */
export function hidingOf(operation: string, folders: readonly string[]): Hide | undefined {
  if (folders.length === 0 || !tellsOfRuns.includes(operation)) return undefined
  // The longest first, since one may lie below another.
  const inJson = folders.map((folder) => JSON.stringify(folder).slice(1, -1)).toSorted((a, b) => b.length - a.length)
  return (json) => inJson.reduce((text, folder) => text.replaceAll(folder, '<server>'), json)
}
