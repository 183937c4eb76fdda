/** How long whoever shows rounds may take for one, before the job goes on without. */
const patienceMs = 10_000

/** Which rounds have been shown, so that none is committed before its predecessor has been. */
export interface ReportedRounds {
  reported(round: number): void
  /** Resolves once a round was shown, or after a while. */
  untilReported(round: number): Promise<void>
  /** Nobody shows rounds any more: none is waited for. */
  close(): void
}

export function reportedRounds(): ReportedRounds {
  let last = 0
  let isClosed = false
  const waiting = new Map<number, () => void>()
  return {
    reported(round) {
      last = round
      waiting.get(round)?.()
    },
    untilReported(round) {
      if (isClosed || last >= round) return Promise.resolve()
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer)
          waiting.delete(round)
          resolve()
        }
        const timer = setTimeout(done, patienceMs)
        waiting.set(round, done)
      })
    },
    close() {
      isClosed = true
      for (const done of waiting.values()) done()
    },
  }
}
