/** Things that can be limited for each user. */
export const quotaNames = ['designs', 'revisions', 'bytes', 'datasets', 'jobs', 'tasks', 'keys'] as const
export type QuotaName = (typeof quotaNames)[number]

/** Most things of each kind that a user may have. Absent: any number. */
export type Quotas = Readonly<Partial<Record<QuotaName, number>>>

/** Default quotas where callers need a token: more than people use, and less than a store can hold. */
export const defaultQuotas: Quotas = {
  designs: 1000,
  revisions: 10_000,
  bytes: 4 * 1024 ** 3,
  datasets: 200_000,
  jobs: 10_000,
  tasks: 1_000_000,
  keys: 10_000,
}

/** Words for messages: the name of each kind of thing, and a way to make room. */
export const quotaWords: Readonly<Record<QuotaName, { readonly what: string; readonly advice: string }>> = {
  designs: { what: 'designs', advice: 'delete designs' },
  revisions: {
    what: 'revisions of schemas and code',
    advice: "delete a design's code or schema, with which go all revisions that no job names, or delete jobs",
  },
  bytes: {
    what: 'bytes of code, schemas, large specifications, models and events of jobs, and of the audit log',
    advice: "delete jobs that have ended, or a design's code or schema, with which go all revisions that no job names",
  },
  datasets: { what: 'datasets', advice: 'delete datasets' },
  jobs: { what: 'jobs', advice: 'delete jobs that have ended' },
  tasks: { what: 'tasks of jobs', advice: 'delete jobs that have ended' },
  keys: { what: 'requests with an Idempotency-Key', advice: 'leave the key out, or wait: each is kept for a day' },
}

export type Usage = Readonly<Record<QuotaName, number>>
